/** One turn: the question, what was said and done, and how it ended. */
import { copyIcon, ToolbarButtonComponent } from '@jupyterlab/ui-components';
import React, { memo } from 'react';
import { seconds } from '../calls';
import { running } from '../state';
import type { Content, IMessage, IPartial, IUsage, ITurn, Part } from '../tokens';
import { Boundary } from './boundary';
import { copyText } from './codeblock';
import { usePanel } from './context';
import { Markdown } from './markdown';
import { BlobImage } from './outputs';
import { ToolCard } from './toolcard';
import { UsageText } from './usage';

/** A message, perhaps one that is being written. */
type IShown = IMessage & { unfinished?: boolean };

/** `version` grows with every redraw of a running turn; it stands still for the others. */
export const Turn = memo(function Turn(props: { turn: ITurn; version: number }): JSX.Element {
  const { sessions, trans } = usePanel();
  const { turn, version } = props;
  const session = sessions.current;
  const results = resultsOf(turn);
  const partials = session?.partialsOf(turn.turn_id) ?? [];
  const messages: IShown[] = [...turn.messages, ...partials.map(unfinished)];
  const live = session !== null && running(session.state) === turn;
  const waiting = live && partials.length === 0 && allAnswered(turn, results);
  return (
    <article className="jp-Agent-turn" data-turn-id={turn.turn_id} aria-busy={live}>
      {messages.map(message => (
        <Message
          key={message.message_id}
          turn={turn}
          message={message}
          results={results}
          version={version}
          streaming={message.unfinished ?? false}
        />
      ))}
      {waiting && (
        <p className="jp-Agent-thinking">
          <span className="jp-Agent-dots" aria-hidden="true" />
          {turn.retries > 0
            ? trans.__('The model did not answer; trying again (%1) …', turn.retries)
            : trans.__('Thinking …')}
        </p>
      )}
      {!live && <Ending turn={turn} />}
    </article>
  );
});

function Message(props: {
  turn: ITurn;
  message: IMessage;
  results: Map<string, Content[]>;
  version: number;
  streaming: boolean;
}): JSX.Element | null {
  const { trans } = usePanel();
  const { turn, message, results, version, streaming } = props;
  if (message.role === 'user') {
    return <Asked parts={message.parts} />;
  }
  if (message.role === 'tool') {
    return null; // shown with its call
  }
  return (
    <div className="jp-Agent-answer">
      {message.parts.map((part, i) => {
        switch (part.type) {
          case 'text':
            return part.text ? (
              <Markdown key={keyOf(message, i)} text={part.text} streaming={streaming} />
            ) : null;
          case 'reasoning':
            return part.text ? (
              <details
                key={keyOf(message, i)}
                className="jp-Agent-reasoning"
                open={streaming && message.parts.length === 1}
              >
                <summary>{trans.__('Reasoning')}</summary>
                <Markdown text={part.text} streaming={streaming} />
              </details>
            ) : null;
          case 'tool_call':
            return (
              <Boundary
                key={part.call_id}
                of={turn}
                instead={trans.__('This call cannot be shown: %1', part.name)}
              >
                <ToolCard
                  turn={turn}
                  part={part}
                  content={results.get(part.call_id) ?? NOTHING}
                  version={version}
                />
              </Boundary>
            );
          default:
            return null;
        }
      })}
    </div>
  );
}

/** What the person asked: plain text, as it was typed. */
function Asked(props: { parts: readonly Part[] }): JSX.Element {
  const { trans } = usePanel();
  const [first, ...rest] = props.parts;
  const name = /^<data kind="attachment" name="([^"]*)">/;
  return (
    <div className="jp-Agent-asked">
      <span className="jp-Agent-hidden">{trans.__('You asked:')}</span>
      {first?.type === 'text' ? first.text : ''}
      {rest.map((part, i) =>
        part.type === 'image' ? (
          <BlobImage key={i} part={part} />
        ) : part.type === 'text' ? (
          <details key={i} className="jp-Agent-arguments">
            <summary>{name.exec(part.text)?.[1] || trans.__('Attachment')}</summary>
            <pre className="jp-Agent-text">{part.text}</pre>
          </details>
        ) : null
      )}
    </div>
  );
}

function Ending(props: { turn: ITurn }): JSX.Element {
  const { trans } = usePanel();
  const { turn } = props;
  const told: Readonly<Record<string, string>> = {
    failed: trans.__('Failed: %1', turn.reason),
    interrupted: trans.__('Stopped.'),
    limit: trans.__('A limit was reached: %1', turn.reason)
  };
  const answer = answerOf(turn);
  const took = turn.ended === null ? null : turn.ended - turn.started;
  return (
    <footer className="jp-Agent-ending">
      {told[turn.status] && (
        <p className={`jp-Agent-note jp-mod-${turn.status}`}>{told[turn.status]}</p>
      )}
      {answer && (
        <ToolbarButtonComponent
          icon={copyIcon}
          tooltip={trans.__('Copy the answer')}
          onClick={() => void copyText(answer)}
        />
      )}
      <span className="jp-Agent-muted">
        {took === null ? '' : seconds(took, trans)}
        {hasUsage(turn.usage) && (
          <>
            {' · '}
            <UsageText usage={turn.usage} />
          </>
        )}
      </span>
    </footer>
  );
}

/** A message that is being written looks like a whole one, so that nothing is drawn twice. */
function unfinished([id, partial]: [string, IPartial]): IShown {
  const parts: Part[] = [];
  if (partial.reasoning) {
    parts.push({ type: 'reasoning', text: partial.reasoning });
  }
  if (partial.text) {
    parts.push({ type: 'text', text: partial.text });
  }
  return { message_id: id, role: 'assistant', parts, unfinished: true };
}

/** The same for a part that is being written and for the finished one. */
function keyOf(message: IMessage, index: number): string {
  const { type } = message.parts[index];
  return `${type}-${message.parts.slice(0, index).filter(part => part.type === type).length}`;
}

const NOTHING: readonly Content[] = [];

function resultsOf(turn: ITurn): Map<string, Content[]> {
  const results = new Map<string, Content[]>();
  for (const message of turn.messages) {
    for (const part of message.parts) {
      if (part.type === 'tool_result') {
        results.set(part.call_id, part.content);
      }
    }
  }
  return results;
}

function allAnswered(turn: ITurn, results: Map<string, Content[]>): boolean {
  return turn.messages.every(message =>
    message.parts.every(part => part.type !== 'tool_call' || results.has(part.call_id))
  );
}

function answerOf(turn: ITurn): string {
  const last = [...turn.messages].reverse().find(message => message.role === 'assistant');
  return (last?.parts ?? [])
    .map(part => (part.type === 'text' ? part.text : ''))
    .filter(Boolean)
    .join('\n\n');
}

function hasUsage(usage: IUsage): boolean {
  return usage.input_tokens + usage.output_tokens > 0;
}
