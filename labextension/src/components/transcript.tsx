/** The conversation: only turns near the view are drawn, and the end is kept in view. */
import React, { memo, useEffect, useLayoutEffect, useRef, useState } from 'react';
import type { IPending, IQueuedTurn, ITurn } from '../tokens';
import { Boundary } from './boundary';
import { usePanel } from './context';
import { useSignals } from './hooks';
import { Turn } from './turn';

/** The version of a turn that is not the last: it is drawn once more, without live outputs. */
const FORMER = -1;
/** Turns at the end that are drawn at once. */
const AT_ONCE = 4;
/** How near to the end still counts as the end, in pixels. */
const NEAR = 40;
/** How long after a touch, a key or a turn of the wheel a scroll is the person's, in ms. */
const MOVING = 600;
/** The same after the scroll bar was taken. */
const DRAGGING = 5_000;

export function Transcript(): JSX.Element {
  const { sessions, trans } = usePanel();
  const session = sessions.current;
  const version = useSignals(session?.changed);
  const log = useRef<HTMLDivElement>(null);
  const inner = useRef<HTMLDivElement>(null);
  const stuck = useRef(true);
  /** Until when a scroll is the person's. */
  const moving = useRef(0);
  const [away, setAway] = useState(false);

  const toEnd = (): void => {
    const node = log.current;
    if (node) {
      node.scrollTop = node.scrollHeight;
    }
  };
  useLayoutEffect(() => {
    stuck.current = true;
    setAway(false);
    toEnd();
  }, [session]);
  useEffect(() => {
    // what is rendered later (math, images, code) makes it grow, too
    const observer = new ResizeObserver(() => stuck.current && toEnd());
    if (inner.current) {
      observer.observe(inner.current);
    }
    if (log.current) {
      observer.observe(log.current);
    }
    return () => observer.disconnect();
  }, []);
  const touched = (time: number) => (): void => {
    moving.current = performance.now() + time;
  };
  const scrolled = (): void => {
    const node = log.current;
    if (node) {
      const near = node.scrollHeight - node.scrollTop - node.clientHeight < NEAR;
      // what grows scrolls too; only the person leaves the end
      stuck.current = near || (stuck.current && performance.now() > moving.current);
      setAway(!stuck.current);
    }
  };

  const turns = session?.synced ? session.path() : [];
  const running = session?.running() ?? null;
  const last = session?.pending.length ?? 0;
  useLayoutEffect(() => {
    if (last > 0) {
      stuck.current = true; // who asks wants to see the answer
      toEnd();
    }
  }, [last]);
  return (
    <div className="jp-Agent-transcript">
      <div
        ref={log}
        className="jp-Agent-log"
        role="log"
        aria-label={trans.__('Conversation')}
        aria-live="polite"
        aria-busy={running !== null}
        tabIndex={0}
        onScroll={scrolled}
        onWheel={touched(MOVING)}
        onTouchMove={touched(MOVING)}
        onKeyDown={touched(MOVING)}
        onPointerDown={touched(DRAGGING)}
        onPointerUp={touched(MOVING)}
      >
        <div ref={inner}>
          {session && !session.synced && (
            <p className="jp-Agent-muted">{trans.__('Reading the conversation …')}</p>
          )}
          {session?.synced && turns.length + last === 0 && <Welcome />}
          {turns.map((turn, i) => (
            <NearTurn
              key={turn.turn_id}
              turn={turn}
              log={log}
              atOnce={i >= turns.length - AT_ONCE}
              version={turn === running ? version : i === turns.length - 1 ? 0 : FORMER}
            />
          ))}
          {session?.state.queue.map(turn => (
            <Queued key={turn.turn_id} turn={turn} />
          ))}
          {session?.pending.map(turn => (
            <Pending key={turn.turn_id} turn={turn} />
          ))}
        </div>
      </div>
      {away && (
        <button
          className="jp-Agent-toEnd jp-mod-styled jp-mod-reject"
          onClick={() => {
            stuck.current = true;
            toEnd();
          }}
        >
          {trans.__('To the end')}
        </button>
      )}
    </div>
  );
}

/** A turn far from the view is a box of about its height. */
const NearTurn = memo(function NearTurn(props: {
  turn: ITurn;
  version: number;
  atOnce: boolean;
  log: React.RefObject<HTMLDivElement>;
}): JSX.Element {
  const [near, setNear] = useState(props.atOnce);
  const host = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (near || !host.current || props.atOnce) {
      setNear(true);
      return;
    }
    const observer = new IntersectionObserver(
      entries => entries.some(entry => entry.isIntersecting) && setNear(true),
      { root: props.log.current, rootMargin: '800px 0px' }
    );
    observer.observe(host.current);
    return () => observer.disconnect();
  }, [near, props.atOnce]);
  if (near) {
    return (
      <Boundary of={props.turn} instead={props.turn.query}>
        <Turn turn={props.turn} version={props.version} />
      </Boundary>
    );
  }
  return (
    <div ref={host} className="jp-Agent-far">
      <div className="jp-Agent-asked">{props.turn.query.slice(0, 300)}</div>
    </div>
  );
});

function Queued(props: { turn: IQueuedTurn }): JSX.Element {
  const { trans } = usePanel();
  return (
    <div className="jp-Agent-turn jp-mod-queued">
      <div className="jp-Agent-asked">{props.turn.data.query}</div>
      <p className="jp-Agent-muted">
        {trans.__('Queued: it is asked when the agent has finished.')}
      </p>
    </div>
  );
}

function Pending(props: { turn: IPending }): JSX.Element {
  const { sessions, trans } = usePanel();
  const { turn_id, query, error } = props.turn;
  const session = sessions.current;
  return (
    <div className="jp-Agent-turn jp-mod-pending">
      <div className="jp-Agent-asked">{query}</div>
      {error === null ? (
        <p className="jp-Agent-muted">{trans.__('Sending …')}</p>
      ) : (
        <div className="jp-Agent-note jp-mod-failed" role="alert">
          <p>{error}</p>
          <button className="jp-Agent-link" onClick={() => void session?.retry(turn_id)}>
            {trans.__('Try again')}
          </button>
          <button className="jp-Agent-link" onClick={() => session?.discard(turn_id)}>
            {trans.__('Discard')}
          </button>
        </div>
      )}
    </div>
  );
}

function Welcome(): JSX.Element {
  const { sessions, trans } = usePanel();
  const examples = [
    trans.__('What variables are there?'),
    trans.__('What files are here?'),
    trans.__('Explain the last error')
  ];
  return (
    <div className="jp-Agent-welcome">
      <p>
        {sessions.notebook.path === null
          ? trans.__('Open a notebook: the agent works on the one in front of you.')
          : trans.__('Ask about this notebook. The agent sees its cells and its live variables.')}
      </p>
      {sessions.notebook.path !== null &&
        examples.map(text => (
          <button
            key={text}
            className="jp-Agent-example"
            onClick={() => sessions.draft({ text, send: false })}
          >
            {text}
          </button>
        ))}
    </div>
  );
}
