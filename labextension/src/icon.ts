/** The icon of the panel. */
import { LabIcon } from '@jupyterlab/ui-components';

export const agentIcon = new LabIcon({
  name: 'jupyter-agent-ext:agent',
  svgstr:
    '<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24">' +
    '<path class="jp-icon3 jp-icon-selectable" fill="#616161" d="M4 3h16a2 2 0 0 1 2 2v10a2 2 0 0 ' +
    '1-2 2H9l-5 4v-4a2 2 0 0 1-2-2V5a2 2 0 0 1 2-2zm8 2.5-1.2 3.3L7.5 10l3.3 1.2L12 14.5l1.2-3.3L' +
    '16.5 10l-3.3-1.2z"/></svg>'
});
