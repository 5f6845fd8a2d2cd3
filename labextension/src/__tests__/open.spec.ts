import type { JupyterFrontEnd } from '@jupyterlab/application';
import { RenderMimeRegistry } from '@jupyterlab/rendermime';
import type { Widget } from '@lumino/widgets';
import { expect, it } from 'vitest';
import { panelPlugin } from '../plugins/panel';
import { PartRenderers } from '../plugins/renderers';
import { CommandIDs, type IAgentSessions } from '../tokens';

it('activates the panel only while it is hidden: Notebook 7.5 closes a shown one', () => {
  const activated: string[] = [];
  let shown = false;
  const shell = {
    add: (panel: Widget) => Object.defineProperty(panel, 'isVisible', { get: () => shown }),
    activateById: (id: string) => activated.push(id)
  };
  const added = new Map<string, { execute: () => void }>();
  const commands = {
    addCommand: (id: string, options: { execute: () => void }) => added.set(id, options)
  };
  const app = { shell, commands } as unknown as JupyterFrontEnd;
  const rendermime = new RenderMimeRegistry();
  const sessions = {} as IAgentSessions;
  const none = [null, null, null, null, null];
  void panelPlugin.activate(app, sessions, new PartRenderers(), rendermime, ...none);
  added.get(CommandIDs.open)!.execute();
  expect(activated).toEqual(['jupyter-agent-ext-panel']);
  shown = true;
  added.get(CommandIDs.open)!.execute();
  expect(activated).toHaveLength(1);
});
