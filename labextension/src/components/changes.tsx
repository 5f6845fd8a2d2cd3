/** What a call changed, or would change, cell by cell. */
import React from 'react';
import type { CellImage, IChange, IToolCall } from '../tokens';
import { usePanel } from './context';
import { LazyDiff } from './lazy';

/** The difference that an edit would make: to the source that it is bound to, if it is. */
export function ProposedChange(props: { call: IToolCall; bound: string | null }): JSX.Element {
  const { sessions, trans } = usePanel();
  const { cell_id, source } = props.call.arguments as Record<string, string>;
  const before = props.bound ?? sessions.notebook.source(cell_id) ?? '';
  const label = trans.__('Proposed change to the cell');
  return (
    <>
      <CellLink cellId={cell_id} />
      <LazyDiff
        before={before}
        after={source ?? ''}
        mimeType={sessions.notebook.language}
        label={label}
      />
    </>
  );
}

export function Changes(props: { changes: readonly IChange[] }): JSX.Element {
  return (
    <>
      {props.changes.map((change, i) => (
        <Change key={i} change={change} />
      ))}
    </>
  );
}

function Change(props: { change: IChange }): JSX.Element | null {
  const { sessions, trans } = usePanel();
  const { before, after, cell_id, path } = props.change;
  const was = sourceOf(before);
  const is = sourceOf(after);
  if (was === is) {
    return null; // outputs only: they are shown as outputs
  }
  return (
    <div className="jp-Agent-change">
      <div className="jp-Agent-row">
        {cell_id ? <CellLink cellId={cell_id} /> : <code>{path}</code>}
        {cell_id && sessions.notebook.source(cell_id) === is && (
          <button className="jp-Agent-link" onClick={() => sessions.notebook.undoEdit()}>
            {trans.__('Undo the last edit')}
          </button>
        )}
      </div>
      <LazyDiff
        before={was ?? ''}
        after={is ?? ''}
        mimeType={sessions.notebook.language}
        label={trans.__('Change to the cell')}
      />
    </div>
  );
}

function CellLink(props: { cellId: string }): JSX.Element {
  const { sessions, trans } = usePanel();
  const index = sessions.notebook.indexOf(props.cellId);
  if (index < 0) {
    return <span className="jp-Agent-muted">{trans.__('Cell %1', props.cellId)}</span>;
  }
  return (
    <button className="jp-Agent-link" onClick={() => sessions.notebook.reveal(props.cellId)}>
      {trans.__('Cell %1', index + 1)}
    </button>
  );
}

function sourceOf(image: CellImage | undefined): string | null {
  const source = image?.cell?.source;
  return Array.isArray(source) ? source.join('') : typeof source === 'string' ? source : null;
}
