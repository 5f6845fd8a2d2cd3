/** The sessions of this notebook: search, choose, rename, delete, start anew. */
import { Dialog, InputDialog, showDialog } from '@jupyterlab/apputils';
import { deleteIcon, editIcon, ToolbarButtonComponent } from '@jupyterlab/ui-components';
import React, { useCallback, useEffect, useState } from 'react';
import type { ISessionLine } from '../tokens';
import { usePanel } from './context';
import { useSignals } from './hooks';

const WAIT = 200;

export function SessionList(props: { onDone: () => void }): JSX.Element {
  const { sessions, trans } = usePanel();
  const [query, setQuery] = useState('');
  const [lines, setLines] = useState<ISessionLine[] | null>(null);
  const [problem, setProblem] = useState('');
  const version = useSignals(sessions.changed);
  const current = sessions.current?.state.session_id;

  const load = useCallback(async () => {
    try {
      setLines(await sessions.list(query));
      setProblem('');
    } catch (error) {
      setProblem((error as Error).message);
    }
  }, [sessions, query]);
  useEffect(() => {
    const timer = window.setTimeout(() => void load(), query ? WAIT : 0);
    return () => window.clearTimeout(timer);
  }, [load, query, version]);

  const rename = async (line: ISessionLine): Promise<void> => {
    const { button, value } = await InputDialog.getText({
      title: trans.__('Title of the session'),
      text: line.title
    });
    if (button.accept && value?.trim()) {
      await attempt(sessions.renameOther(line.session_id, value.trim()));
    }
  };
  const remove = async (line: ISessionLine): Promise<void> => {
    const { button } = await showDialog({
      title: trans.__('Delete this session?'),
      body: trans.__('“%1” and all its turns are deleted for good.', line.title || untitled(trans)),
      buttons: [Dialog.cancelButton(), Dialog.warnButton({ label: trans.__('Delete') })]
    });
    if (button.accept) {
      await attempt(sessions.remove(line.session_id));
    }
  };
  const attempt = async (call: Promise<void>): Promise<void> => {
    try {
      await call;
      await load();
    } catch (error) {
      setProblem((error as Error).message);
    }
  };
  return (
    <div className="jp-Agent-sessions">
      <div className="jp-Agent-row">
        <input
          className="jp-mod-styled"
          type="search"
          autoFocus
          value={query}
          aria-label={trans.__('Search the sessions of this notebook')}
          placeholder={trans.__('Search')}
          onChange={event => setQuery(event.target.value)}
        />
        <button className="jp-mod-styled jp-mod-reject jp-Agent-button" onClick={props.onDone}>
          {trans.__('Back')}
        </button>
      </div>
      {problem && (
        <p className="jp-Agent-note jp-mod-failed" role="alert">
          {problem}
        </p>
      )}
      {lines?.length === 0 && (
        <p className="jp-Agent-muted">
          {query ? trans.__('No session contains this.') : trans.__('No sessions yet.')}
        </p>
      )}
      <ul aria-label={trans.__('Sessions of this notebook')}>
        {lines?.map(line => (
          <li key={line.session_id} aria-current={line.session_id === current || undefined}>
            <button
              className="jp-Agent-sessionLine"
              onClick={() => {
                sessions.choose(line.session_id);
                props.onDone();
              }}
            >
              <span>{line.title || untitled(trans)}</span>
              <span className="jp-Agent-muted">
                {trans._n('%1 turn', '%1 turns', line.turn_count)} · {when(line.last_activity)}
                {line.status !== 'idle' && ` · ${line.status}`}
                {line.archived && ` · ${trans.__('archived')}`}
              </span>
            </button>
            <ToolbarButtonComponent
              icon={editIcon}
              tooltip={trans.__('Rename “%1”', line.title || untitled(trans))}
              onClick={() => void rename(line)}
            />
            <ToolbarButtonComponent
              icon={deleteIcon}
              tooltip={trans.__('Delete “%1”', line.title || untitled(trans))}
              onClick={() => void remove(line)}
            />
          </li>
        ))}
      </ul>
    </div>
  );
}

function when(iso: string): string {
  return new Date(iso).toLocaleString(undefined, { dateStyle: 'short', timeStyle: 'short' });
}

function untitled(trans: { __(text: string): string }): string {
  return trans.__('Untitled');
}
