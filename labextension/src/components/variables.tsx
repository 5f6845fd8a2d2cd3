/** The live variables that the agent sees; a click mentions one. */
import React, { useEffect, useState } from 'react';
import { detailOf, novelty, shapeOf } from '../summaries';
import type { Summary } from '../tokens';
import { usePanel } from './context';
import { useSignals, useTick, useValue } from './hooks';

/** Modules and functions come last: they are seldom what is asked about. */
const DULL = new Set(['module', 'function', 'class']);

/** `visible` says whether somebody can see it: nothing is read for a hidden panel. */
export function Variables(props: { open: boolean; visible: boolean }): JSX.Element | null {
  const { sessions, trans } = usePanel();
  const { variables } = sessions;
  const [open, setOpen] = useState(props.open);
  const session = sessions.current;
  useSignals(variables.changed);
  useValue(session?.changed, () => session?.state.snapshot);
  useTick(5_000, open && props.visible);
  useEffect(() => {
    const watching = props.visible ? variables.watch() : null;
    return () => watching?.dispose();
  }, [variables, props.visible]);
  if (sessions.notebook.path === null) {
    return null;
  }
  const reading = variables.reading;
  const listed = sorted(reading?.variables ?? {});
  return (
    <details
      className="jp-Agent-variables"
      open={open}
      onToggle={event => setOpen(event.currentTarget.open)}
    >
      <summary>
        <span>{trans.__('Variables (%1)', reading?.total ?? 0)}</span>
        <span className="jp-Agent-muted" role="status">
          <State />
        </span>
      </summary>
      {open && (
        <ul aria-label={trans.__('Variables')} className="jp-Agent-variableList">
          {listed.map(([name, summary]) => (
            <Variable key={name} name={name} summary={summary} />
          ))}
        </ul>
      )}
      {open && listed.length === 0 && (
        <p className="jp-Agent-muted">
          {variables.error ?? reading?.note ?? trans.__('No variables.')}
        </p>
      )}
    </details>
  );
}

function Variable(props: { name: string; summary: Summary }): JSX.Element {
  const { sessions, trans } = usePanel();
  const { name, summary } = props;
  const fresh = novelty(name, summary, sessions.current?.state ?? null);
  return (
    <li>
      <button
        className="jp-Agent-variable"
        title={detailOf(name, summary)}
        onClick={() => sessions.draft({ text: `@${name} `, send: false })}
      >
        <span className="jp-Agent-variableName">{name}</span>
        <span className="jp-Agent-variableType">
          {String(summary.type ?? '')
            .split('.')
            .pop()}
        </span>
        <span className="jp-Agent-variableShape">{shapeOf(summary)}</span>
        {fresh && (
          <span className={`jp-Agent-badge jp-mod-${fresh}`}>
            {fresh === 'new' ? trans.__('new') : trans.__('changed')}
          </span>
        )}
      </button>
    </li>
  );
}

/** How old the reading is, and what the kernel does. */
function State(): JSX.Element {
  const { sessions, trans } = usePanel();
  const { variables } = sessions;
  const told: string[] = [];
  if (variables.kernelId === null) {
    told.push(trans.__('no kernel'));
  } else if (variables.busy) {
    told.push(trans.__('kernel busy'));
  }
  if (variables.reading !== null) {
    const age = (Date.now() - variables.readAt) / 1000;
    told.push(age < 5 ? trans.__('just read') : trans.__('read %1 ago', duration(age)));
  }
  return <>{told.join(' · ')}</>;
}

function duration(seconds: number): string {
  if (seconds < 60) {
    return `${Math.round(seconds)} s`;
  }
  return seconds < 3600 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}

function sorted(variables: Record<string, Summary>): [string, Summary][] {
  const rank = ([, summary]: [string, Summary]): number => Number(DULL.has(String(summary.kind)));
  return Object.entries(variables).sort((a, b) => rank(a) - rank(b));
}
