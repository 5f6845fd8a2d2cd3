/** The plugins of the extension, and the tokens that others may require. */
import { cellsPlugin, errorsPlugin } from './plugins/cells';
import { panelPlugin } from './plugins/panel';
import { renderersPlugin } from './plugins/renderers';
import { sessionsPlugin } from './plugins/sessions';

export { CommandIDs, IAgentSessions, IPartRenderers } from './tokens';

export default [sessionsPlugin, renderersPlugin, panelPlugin, cellsPlugin, errorsPlugin];
