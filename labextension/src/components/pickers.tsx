/** Under the composer: model, mode, and what the session has used. */
import { Dialog, InputDialog, showDialog } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';
import type { IAgentSession, IModelLine, IModelList, Mode } from '../tokens';
import { usePanel } from './context';
import { useSignals } from './hooks';
import { askForKey } from './keys';
import { UsageText } from './usage';

const OTHER = '\0other';
const KEY = '\0key';

export function Pickers(): JSX.Element | null {
  const { sessions, trans } = usePanel();
  const session = sessions.current;
  useSignals(session?.changed, sessions.changed);
  if (!session) {
    return null;
  }
  const { models } = sessions;
  const model = session.state.model || models?.default || 'embedded';
  const { usage } = session.state;
  return (
    <div className="jp-Agent-pickers">
      <select
        className="jp-mod-styled"
        aria-label={trans.__('Model')}
        title={trans.__('Model: %1', model)}
        value={model}
        onChange={event => {
          const { value } = event.target;
          if (value === KEY) {
            void askForKey(sessions, trans);
          } else if (value === OTHER) {
            void chooseOther(session, models, trans);
          } else {
            void chooseModel(session, models, value, trans);
          }
        }}
      >
        {grouped(models?.models ?? [], model, trans).map(([group, lines]) => (
          <optgroup key={group} label={group}>
            {lines.map(line => (
              <option key={line.name} value={line.name}>
                {line.name === 'embedded' ? trans.__('embedded (rules)') : line.name}
                {line.ready ? '' : trans.__(' (no key)')}
              </option>
            ))}
          </optgroup>
        ))}
        <option value={OTHER}>{trans.__('Another model …')}</option>
        <option value={KEY}>{trans.__('Set a key …')}</option>
      </select>
      <select
        className="jp-mod-styled"
        aria-label={trans.__('Mode')}
        title={modeHelp(session.state.mode, trans)}
        value={session.state.mode}
        onChange={event => void session.setMode(event.target.value as Mode)}
      >
        <option value="read-only">{trans.__('Read only')}</option>
        <option value="ask">{trans.__('Ask first')}</option>
        <option value="auto">{trans.__('Do it')}</option>
      </select>
      {usage.input_tokens + usage.output_tokens > 0 && (
        <span className="jp-Agent-muted">
          <UsageText usage={usage} />
        </span>
      )}
    </div>
  );
}

/** Choose a model; one that takes data off this machine is chosen knowingly. */
export async function chooseModel(
  session: IAgentSession,
  models: IModelList | null,
  name: string,
  trans: TranslationBundle
): Promise<void> {
  const line = models?.models.find(m => m.name === name);
  if (!line?.local) {
    const where = line?.provider || name.split('/')[0];
    const answer = await showDialog({
      title: trans.__('Send data to %1?', where),
      body: trans.__(
        'With %1, your questions, cells of the notebook, outputs, and summaries of variables leave this machine.',
        name
      ),
      buttons: [Dialog.cancelButton(), Dialog.okButton({ label: trans.__('Use it') })]
    });
    if (!answer.button.accept) {
      return;
    }
  }
  await session.setModel(name);
}

async function chooseOther(
  session: IAgentSession,
  models: IModelList | null,
  trans: TranslationBundle
): Promise<void> {
  const { value } = await InputDialog.getText({
    title: trans.__('Model, as litellm names it'),
    placeholder: 'provider/model'
  });
  if (value?.trim()) {
    await chooseModel(session, models, value.trim(), trans);
  }
}

function grouped(
  lines: readonly IModelLine[],
  chosen: string,
  trans: TranslationBundle
): [string, IModelLine[]][] {
  const groups = new Map<string, IModelLine[]>();
  const known = lines.some(line => line.name === chosen);
  const own = { name: chosen, provider: '', local: false, ready: true, description: '' };
  const all = known ? lines : [{ ...own, context_window: null, images: false }, ...lines];
  for (const line of all) {
    const group = line.local
      ? trans.__('On this machine')
      : line.provider || trans.__('Chosen by name');
    groups.set(group, [...(groups.get(group) ?? []), line]);
  }
  return [...groups];
}

function modeHelp(mode: string, trans: TranslationBundle): string {
  const texts: Readonly<Record<string, string>> = {
    'read-only': trans.__('Read only: the agent looks, it changes and runs nothing.'),
    ask: trans.__('Ask first: looking is free, each edit and each run waits for your approval.'),
    auto: trans.__('Do it: the agent edits and runs without asking.')
  };
  return texts[mode] ?? mode;
}
