/** What the embedded model is, and how to set a real one's key. */
import { Dialog, InputDialog, showErrorMessage } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import React, { useState } from 'react';
import type { IAgentSessions } from '../tokens';
import { usePanel } from './context';
import { useSignals } from './hooks';

/** Shown while a session is answered by rules, until it is closed. */
export function EmbeddedNotice(): JSX.Element | null {
  const { sessions, trans } = usePanel();
  const session = sessions.current;
  const [closed, setClosed] = useState(false);
  useSignals(session?.changed, sessions.changed);
  const model = session?.state.model || sessions.models?.default;
  if (closed || !session || model !== 'embedded') {
    return null;
  }
  return (
    <aside className="jp-Agent-notice">
      <span>
        {trans.__('Answers come from built-in rules, not from a language model. They need no key.')}{' '}
        <button className="jp-Agent-link" onClick={() => void askForKey(sessions, trans)}>
          {trans.__('Set a model’s key')}
        </button>
      </span>
      <button
        className="jp-Agent-link"
        aria-label={trans.__('Close this notice')}
        onClick={() => setClosed(true)}
      >
        ×
      </button>
    </aside>
  );
}

/** Ask for a provider and its key; the key goes to the server and never comes back. */
export async function askForKey(sessions: IAgentSessions, trans: TranslationBundle): Promise<void> {
  const models = sessions.models?.models ?? [];
  const providers = [...new Set(models.filter(m => !m.local).map(m => m.provider))];
  const provider = await InputDialog.getItem({
    title: trans.__('Whose key?'),
    label: trans.__('Provider, as litellm names it'),
    items: providers,
    editable: true,
    okLabel: trans.__('Next')
  });
  const name = provider.value?.trim();
  if (!provider.button.accept || !name) {
    return;
  }
  const known = sessions.models?.keys.includes(name);
  const key = await InputDialog.getPassword({
    title: known
      ? trans.__('New key for %1 (empty: forget it)', name)
      : trans.__('Key for %1', name),
    label: trans.__('It is kept on the server, readable by you only, and never shown again.'),
    okLabel: trans.__('Keep')
  });
  if (!key.button.accept) {
    return;
  }
  try {
    if (key.value) {
      await sessions.setKey(name, key.value);
    } else if (known) {
      await sessions.deleteKey(name);
    }
  } catch (error) {
    const message = (error as Error).message;
    await showErrorMessage(trans.__('The key was not kept'), message, [Dialog.okButton()]);
  }
}
