/** Plugin: the side panel, and the commands that open and steer it. */
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ILayoutRestorer } from '@jupyterlab/application';
import { ICommandPalette, Notification } from '@jupyterlab/apputils';
import { IEditorLanguageRegistry } from '@jupyterlab/codemirror';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { agentIcon } from '../icon';
import { strictRendermime } from '../rendermime';
import { CommandIDs, IAgentSessions, IPartRenderers } from '../tokens';
import { AgentPanel } from '../widget';

/** The plugin's id is the one of the settings' schema. */
export const PANEL_ID = 'jupyter-agent-ext:plugin';

const NO_ARGS = { args: { type: 'object' as const, properties: {} } };

export const panelPlugin: JupyterFrontEndPlugin<void> = {
  id: PANEL_ID,
  description: 'The agent in a side panel.',
  autoStart: true,
  requires: [IAgentSessions, IPartRenderers, IRenderMimeRegistry],
  optional: [
    ICommandPalette,
    ILayoutRestorer,
    ISettingRegistry,
    ITranslator,
    IEditorLanguageRegistry
  ],
  activate: (
    app: JupyterFrontEnd,
    sessions: IAgentSessions,
    renderers: IPartRenderers,
    rendermime: IRenderMimeRegistry,
    palette: ICommandPalette | null,
    restorer: ILayoutRestorer | null,
    settings: ISettingRegistry | null,
    translator: ITranslator | null,
    languages: IEditorLanguageRegistry | null
  ): void => {
    const trans = (translator ?? nullTranslator).load('jupyter_agent_ext');
    let showVariables = true;
    const panel = new AgentPanel(
      { sessions, rendermime: strictRendermime(rendermime), languages, renderers, trans },
      () => showVariables
    );
    app.shell.add(panel, 'right', { rank: 600, type: 'Agent' });
    restorer?.add(panel, panel.id);
    void settings?.load(PANEL_ID).then(loaded => {
      showVariables = loaded.get('showVariables').composite !== false;
    });

    const { commands } = app;
    commands.addCommand(CommandIDs.open, {
      label: args => (args.toolbar ? '' : trans.__('Open the Agent')),
      caption: trans.__('Open the agent’s panel'),
      icon: agentIcon,
      describedBy: { args: { type: 'object', properties: { toolbar: { type: 'boolean' } } } },
      execute: () => {
        // Notebook 7.5 closes a panel that is activated while it is shown
        if (!panel.isVisible) {
          app.shell.activateById(panel.id);
        }
        // drawn with the next frames where it was never shown
        window.setTimeout(() => panel.focus(), 100);
      }
    });
    commands.addCommand(CommandIDs.newSession, {
      label: trans.__('Start a New Session'),
      describedBy: NO_ARGS,
      isEnabled: () => sessions.current !== null,
      execute: () => sessions.startNew()
    });
    commands.addCommand(CommandIDs.stop, {
      label: trans.__('Stop the Agent'),
      describedBy: NO_ARGS,
      isEnabled: () => sessions.current?.running() !== null && sessions.current !== null,
      execute: () => sessions.current?.interrupt()
    });
    commands.addCommand(CommandIDs.undoEdit, {
      label: trans.__('Undo the Agent’s Last Edit'),
      describedBy: NO_ARGS,
      execute: () => {
        if (!sessions.notebook.undoEdit()) {
          Notification.info(trans.__('The agent has changed nothing here that can be undone.'));
        }
      }
    });
    for (const id of ['open', 'newSession', 'stop', 'undoEdit'] as const) {
      palette?.addItem({ command: CommandIDs[id], category: trans.__('Agent') });
    }
  }
};
