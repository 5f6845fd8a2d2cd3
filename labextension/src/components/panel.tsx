/** The panel: header, variables, conversation, composer. */
import { InputDialog } from '@jupyterlab/apputils';
import { addIcon, listIcon, ToolbarButtonComponent } from '@jupyterlab/ui-components';
import React, { useEffect, useRef, useState } from 'react';
import { slashCommands } from '../mentions';
import { openRequests } from '../state';
import type { Mode } from '../tokens';
import type { IWritten } from './composer';
import { Composer } from './composer';
import type { IPanelContext } from './context';
import { PanelProvider, usePanel } from './context';
import { useSignals } from './hooks';
import { EmbeddedNotice } from './keys';
import { chooseModel, Pickers } from './pickers';
import { SessionList } from './sessionlist';
import { Transcript } from './transcript';
import { Variables } from './variables';

export interface IPanelProps {
  context: IPanelContext;
  visible: boolean;
  showVariables: boolean;
}

export function Panel(props: IPanelProps): JSX.Element {
  return (
    <PanelProvider value={props.context}>
      <Inside {...props} />
    </PanelProvider>
  );
}

function Inside(props: IPanelProps): JSX.Element {
  const { sessions, trans } = usePanel();
  const [listing, setListing] = useState(false);
  const [help, setHelp] = useState(false);
  useSignals(sessions.changed, sessions.notebook.changed);
  const session = sessions.current;
  const { conversation } = sessions;
  const drafts = useRef(new Map<string, IWritten>());
  const written = drafts.current.get(conversation) ?? { text: '', attached: [] };
  drafts.current.set(conversation, written);
  const typing = Boolean(document.activeElement?.closest('.jp-Agent-composer textarea'));
  useEffect(() => {
    setHelp(false);
  }, [session]);
  useEffect(() => {
    const back = (): void => setListing(false); // a draft is for the composer
    sessions.drafted.connect(back);
    return () => {
      sessions.drafted.disconnect(back);
    };
  }, [sessions]);

  const command = (text: string): boolean => {
    const [name, ...rest] = text.trim().split(/\s+/);
    const value = rest.join(' ');
    const commands: Readonly<Record<string, () => void>> = {
      model: () => void (value && session && chooseModel(session, sessions.models, value, trans)),
      mode: () => void (value && session?.setMode(value as Mode)),
      new: () => sessions.startNew(),
      sessions: () => setListing(true),
      rename: () => void (value ? session?.rename(value) : askTitle()),
      compact: () => void session?.compact(),
      stop: () => void session?.interrupt(),
      help: () => setHelp(true)
    };
    if (!Object.prototype.hasOwnProperty.call(commands, name)) {
      return false;
    }
    commands[name]();
    return true;
  };
  const askTitle = async (): Promise<void> => {
    const title = session?.state.title ?? '';
    const { value } = await InputDialog.getText({ title: trans.__('Title'), text: title });
    if (value?.trim()) {
      await session?.rename(value.trim());
    }
  };
  return (
    <>
      <Header onList={() => setListing(!listing)} listing={listing} />
      {listing ? (
        <SessionList onDone={() => setListing(false)} />
      ) : (
        <>
          <Variables open={props.showVariables} visible={props.visible} />
          <EmbeddedNotice />
          <Transcript />
          {help && <Help onClose={() => setHelp(false)} />}
          <Attention />
          <Composer key={conversation} written={written} focused={typing} onCommand={command}>
            <Pickers />
          </Composer>
        </>
      )}
    </>
  );
}

function Header(props: { listing: boolean; onList: () => void }): JSX.Element {
  const { sessions, trans } = usePanel();
  const session = sessions.current;
  useSignals(session?.changed);
  const name = sessions.notebook.path?.split('/').pop() ?? trans.__('No notebook');
  const title = session?.state.title ?? '';
  return (
    <header className="jp-Agent-header">
      <div className="jp-Agent-heading">
        <h2 title={sessions.notebook.path ?? ''}>{name}</h2>
        <span className="jp-Agent-muted" title={title}>
          {title || trans.__('New session')}
        </span>
      </div>
      <ToolbarButtonComponent
        icon={listIcon}
        tooltip={trans.__('Sessions of this notebook')}
        enabled={session !== null}
        pressed={props.listing}
        onClick={props.onList}
      />
      <ToolbarButtonComponent
        icon={addIcon}
        tooltip={trans.__('New session')}
        enabled={session !== null}
        onClick={() => sessions.startNew()}
      />
    </header>
  );
}

/** Outside of the conversation, where no text of a model's can stand: what waits, what failed. */
function Attention(): JSX.Element {
  const { sessions, trans } = usePanel();
  const session = sessions.current;
  useSignals(session?.changed);
  const running = session?.running() ?? null;
  const waiting = running ? openRequests(running) : [];
  const show = (): void => {
    const card = document.getElementById(`jp-agent-call-${waiting[0].call_id}`);
    card?.scrollIntoView({ block: 'nearest' });
    card?.querySelector<HTMLElement>('.jp-Agent-decision button')?.focus();
  };
  return (
    <div className="jp-Agent-attention" role="status" aria-live="polite">
      {!sessions.connected && (
        <p className="jp-Agent-note jp-mod-limit">{trans.__('Connecting to the server …')}</p>
      )}
      {session?.error && <p className="jp-Agent-note jp-mod-failed">{session.error}</p>}
      {waiting.length > 0 && (
        <p className="jp-Agent-note jp-mod-waiting">
          {trans.__('The agent waits for your decision.')}{' '}
          <button className="jp-Agent-link" onClick={show}>
            {trans.__('Show')}
          </button>
        </p>
      )}
      {running && waiting.length === 0 && (
        <span className="jp-Agent-hidden">{trans.__('The agent is working.')}</span>
      )}
    </div>
  );
}

function Help(props: { onClose: () => void }): JSX.Element {
  const { sessions, trans } = usePanel();
  return (
    <aside className="jp-Agent-help" aria-label={trans.__('Help')}>
      <dl>
        {slashCommands(trans, sessions.models).map(({ name, help }) => (
          <React.Fragment key={name}>
            <dt>
              <code>/{name}</code>
            </dt>
            <dd>{help}</dd>
          </React.Fragment>
        ))}
        <dt>
          <code>@</code>
        </dt>
        <dd>{trans.__('Mention a variable, a cell, a file or the last error')}</dd>
        <dt>
          <kbd>{trans.__('Enter')}</kbd>
        </dt>
        <dd>{trans.__('Send; with Shift a new line. While the agent works it is queued.')}</dd>
      </dl>
      <button className="jp-Agent-link" onClick={props.onClose}>
        {trans.__('Close')}
      </button>
    </aside>
  );
}
