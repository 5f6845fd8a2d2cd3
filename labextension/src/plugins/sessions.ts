/** Plugins: the conversations of this page, and the page's part in edits and runs. */
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { INotebookTracker } from '@jupyterlab/notebook';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { CellMarks } from '../marks';
import { AgentPage } from '../page';
import { AgentRequests } from '../request';
import { AgentSessions } from '../sessions';
import { IAgentSessions } from '../tokens';
import { PANEL_ID } from './panel';

export const sessionsPlugin: JupyterFrontEndPlugin<IAgentSessions> = {
  id: 'jupyter-agent-ext:sessions',
  description: 'Keeps the conversations with the agent and attaches the open notebooks.',
  autoStart: true,
  provides: IAgentSessions,
  requires: [INotebookTracker],
  optional: [ISettingRegistry],
  activate: (
    app: JupyterFrontEnd,
    tracker: INotebookTracker,
    settings: ISettingRegistry | null
  ): IAgentSessions => {
    const { serverSettings, contents, kernels } = app.serviceManager;
    const requests = new AgentRequests(serverSettings);
    const sessions = new AgentSessions(requests, tracker, contents, kernels);
    const page = new AgentPage(requests, tracker);
    const marks = new CellMarks(tracker);
    let marking = true;
    page.edited.connect((_, { panel, change }) => {
      if (marking && change.cell_id && change.after !== null) {
        marks.add(panel, change.cell_id);
      }
    });
    void settings?.load(PANEL_ID).then(loaded => {
      const read = (): void => {
        marking = loaded.get('markChangedCells').composite !== false;
      };
      loaded.changed.connect(read);
      read();
    });
    void app.restored.then(() => {
      requests.connect();
      sessions.refreshModels().catch(error => console.warn('The agent lists no models.', error));
    });
    return sessions;
  }
};
