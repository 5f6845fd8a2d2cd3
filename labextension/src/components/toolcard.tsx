/** A tool call as a card: what it does, what it gave, and the decision that it waits for. */
import React, { memo } from 'react';
import {
  briefOf,
  callOf,
  cellOf,
  codeOf,
  openRequest,
  seconds,
  statusOf,
  statusText,
  titleOf
} from '../calls';
import type { Content, IRequest, IToolCall, IToolCallPart, ITurn } from '../tokens';
import { Approval } from './approval';
import { Changes, ProposedChange } from './changes';
import { usePanel } from './context';
import { useTick } from './hooks';
import { Rendered } from './markdown';
import { Kept, Outputs } from './outputs';
import { Question } from './question';

export const ToolCard = memo(function ToolCard(props: {
  turn: ITurn;
  part: IToolCallPart;
  content: readonly Content[];
  version: number;
}): JSX.Element {
  const { trans, sessions, renderers, rendermime } = usePanel();
  const { turn, part, content } = props;
  const call = callOf(turn, part);
  const request = openRequest(turn, part.call_id);
  const status = statusOf(turn, call, request);
  const outputs = sessions.current?.outputs(part.call_id) ?? [];
  const Custom = renderers.get(call.name);
  const open = status !== 'ok' || call.effect === 'edit' || call.effect === 'execute';
  const title = titleOf(call.name, trans);
  return (
    <details
      className={`jp-Agent-card jp-mod-${status}`}
      open={open}
      data-call-id={call.call_id}
      id={`jp-agent-call-${call.call_id}`}
    >
      <summary>
        <span className="jp-Agent-cardTitle">{title}</span>
        {title !== call.name && <code className="jp-Agent-muted">{call.name}</code>}
        <span className="jp-Agent-cardBrief">{briefOf(call)}</span>
        <span className="jp-Agent-cardStatus">
          {statusText(status, trans)} <Elapsed call={call} running={status === 'running'} />
        </span>
      </summary>
      <div className="jp-Agent-cardBody">
        {Custom ? (
          <Custom call={call} content={content} outputs={outputs} rendermime={rendermime} />
        ) : (
          <>
            <Input call={call} request={request} done={call.changes.length > 0} />
            {request?.kind === 'approval' && <Approval request={request} call={call} />}
            {request?.kind === 'question' && <Question request={request} />}
            <Changes changes={call.changes} />
            {outputs.length > 0 ? (
              <Outputs outputs={outputs} running={status === 'running'} />
            ) : (
              <Result call={call} content={content} />
            )}
          </>
        )}
        <AllArguments call={call} />
      </div>
    </details>
  );
});

/** What the call will run or change. What waits for a decision is shown as it is bound to it. */
function Input(props: {
  call: IToolCall;
  request: IRequest | null;
  done: boolean;
}): JSX.Element | null {
  const { sessions, trans } = usePanel();
  const { call, request, done } = props;
  const bound = request?.kind === 'approval' ? sourceOf(request) : undefined;
  const cell = cellOf(call);
  const code = codeOf(call);
  if (call.name === 'edit_cell' || call.name === 'delete_cell') {
    return done ? null : <ProposedChange call={call} bound={bound ?? null} />;
  }
  if (cell !== null && bound === null) {
    return (
      <p className="jp-Agent-note jp-mod-failed" role="alert">
        {trans.__('The server did not say which code would run.')}
      </p>
    );
  }
  const shown = code?.code ?? (cell === null ? null : (bound ?? sessions.notebook.source(cell)));
  if (shown === null || (done && call.name === 'insert_cell')) {
    return null;
  }
  if (call.arguments.cell_type === 'markdown') {
    return (
      <pre className="jp-Agent-text" tabIndex={0}>
        {shown}
      </pre>
    );
  }
  return <Rendered source={fenced(shown, sessions.notebook.language)} />;
}

/** What the model was told; folded away where the difference says the same. */
function Result(props: { call: IToolCall; content: readonly Content[] }): JSX.Element {
  const { trans } = usePanel();
  const { call, content } = props;
  if (call.effect !== 'edit' || call.changes.length === 0) {
    return <Kept content={content} />;
  }
  return (
    <details className="jp-Agent-arguments">
      <summary>{trans.__('Result')}</summary>
      <Kept content={content} />
    </details>
  );
}

/** Nothing is hidden: the whole arguments, also the long ones. */
function AllArguments(props: { call: IToolCall }): JSX.Element {
  const { trans } = usePanel();
  return (
    <details className="jp-Agent-arguments">
      <summary>{trans.__('All arguments')}</summary>
      <pre className="jp-Agent-text" tabIndex={0}>
        {JSON.stringify(props.call.arguments, null, 2)}
      </pre>
    </details>
  );
}

function Elapsed(props: { call: IToolCall; running: boolean }): JSX.Element | null {
  const { trans } = usePanel();
  const { started, ended } = props.call;
  useTick(1000, props.running);
  if (started === null) {
    return null;
  }
  const took = (ended ?? Date.now() / 1000) - started;
  return <span className="jp-Agent-muted">{seconds(Math.max(0, took), trans)}</span>;
}

function sourceOf(request: IRequest): string | null {
  const { source } = request.payload;
  return typeof source === 'string' ? source : null;
}

function fenced(code: string, mimeType: string): string {
  const longest = Math.max(2, ...(code.match(/`+/g) ?? []).map(run => run.length));
  const mark = '`'.repeat(longest + 1);
  const language = mimeType.replace(/^text\/(x-)?/, '').replace('ipython', 'python');
  return `${mark}${language}\n${code}\n${mark}`;
}
