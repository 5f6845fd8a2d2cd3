/** Plugins: asking about a cell, from its menu, its toolbar, and a failed output. */
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import type { Cell } from '@jupyterlab/cells';
import { INotebookTracker } from '@jupyterlab/notebook';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { bugIcon } from '@jupyterlab/ui-components';
import { addFixButton } from '../fixerror';
import { agentIcon } from '../icon';
import { CommandIDs, IAgentSessions } from '../tokens';
import { PANEL_ID } from './panel';

const DESCRIBED = {
  args: { type: 'object' as const, properties: { toolbar: { type: 'boolean' } } }
};

export const cellsPlugin: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-agent-ext:cells',
  description: 'Fix, explain and ask about a cell with the agent.',
  autoStart: true,
  requires: [IAgentSessions, INotebookTracker],
  optional: [ICommandPalette, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    sessions: IAgentSessions,
    tracker: INotebookTracker,
    palette: ICommandPalette | null,
    translator: ITranslator | null
  ): void => {
    const trans = (translator ?? nullTranslator).load('jupyter_agent_ext');
    const { commands } = app;
    const number = (): number => (tracker.currentWidget?.content.activeCellIndex ?? -1) + 1;
    const ask = (text: string, send: boolean): void => {
      void commands.execute(CommandIDs.open);
      sessions.draft({ text, send });
    };
    commands.addCommand(CommandIDs.fix, {
      label: args => (args.toolbar ? '' : trans.__('Fix with Agent')),
      caption: trans.__('Ask the agent to fix the error of this cell'),
      icon: bugIcon,
      describedBy: DESCRIBED,
      isVisible: () => hasError(tracker.activeCell),
      isEnabled: () => hasError(tracker.activeCell),
      // what the output says is no word of the person's: the agent reads it as data
      execute: () => ask(trans.__('Fix the error in @cell:%1', number()), true)
    });
    commands.addCommand(CommandIDs.explain, {
      label: trans.__('Explain with Agent'),
      caption: trans.__('Ask the agent to explain this cell'),
      describedBy: DESCRIBED,
      isEnabled: () => tracker.activeCell !== null,
      execute: () => ask(trans.__('Explain @cell:%1', number()), true)
    });
    commands.addCommand(CommandIDs.ask, {
      label: args => (args.toolbar ? '' : trans.__('Ask Agent about This Cell')),
      caption: trans.__('Ask the agent about this cell'),
      icon: agentIcon,
      describedBy: DESCRIBED,
      isEnabled: () => tracker.activeCell !== null,
      execute: () => ask(`@cell:${number()} `, false)
    });
    const renew = (): void => commands.notifyCommandChanged(CommandIDs.fix);
    tracker.activeCellChanged.connect((_, cell) => {
      renew();
      cell?.model.contentChanged.connect(renew);
    });
    for (const id of ['fix', 'explain', 'ask'] as const) {
      palette?.addItem({ command: CommandIDs[id], category: trans.__('Agent') });
    }
  }
};

export const errorsPlugin: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-agent-ext:errors',
  description: 'A button on failed outputs that asks the agent to fix them.',
  autoStart: true,
  requires: [IAgentSessions, INotebookTracker, IRenderMimeRegistry],
  optional: [ITranslator, ISettingRegistry],
  activate: (
    app: JupyterFrontEnd,
    _: IAgentSessions,
    tracker: INotebookTracker,
    rendermime: IRenderMimeRegistry,
    translator: ITranslator | null,
    settings: ISettingRegistry | null
  ): void => {
    const trans = (translator ?? nullTranslator).load('jupyter_agent_ext');
    let enabled = true;
    void settings?.load(PANEL_ID).then(loaded => {
      const read = (): void => {
        enabled = loaded.get('fixButton').composite !== false;
      };
      loaded.changed.connect(read);
      read();
    });
    addFixButton(rendermime, trans.__('Fix with agent'), {
      isShown: node => enabled && node.closest('.jp-Notebook') !== null,
      fix: node => {
        const notebook = tracker.currentWidget?.content;
        const index = notebook?.widgets.findIndex(cell => cell.node.contains(node)) ?? -1;
        if (notebook && index >= 0) {
          notebook.activeCellIndex = index;
          void app.commands.execute(CommandIDs.fix);
        }
      }
    });
  }
};

function hasError(cell: Cell | null): boolean {
  const { outputs } = (cell?.model.toJSON() ?? {}) as { outputs?: { output_type: string }[] };
  return outputs?.some(output => output.output_type === 'error') ?? false;
}
