/** Plugin: the registry of tool cards, open to other extensions. */
import type { JupyterFrontEndPlugin } from '@jupyterlab/application';
import type { IDisposable } from '@lumino/disposable';
import { DisposableDelegate } from '@lumino/disposable';
import type { ComponentType } from 'react';
import type { ICallProps } from '../tokens';
import { IPartRenderers } from '../tokens';

export class PartRenderers implements IPartRenderers {
  add(tool: string, component: ComponentType<ICallProps>): IDisposable {
    this._components.set(tool, component);
    return new DisposableDelegate(() => {
      if (this._components.get(tool) === component) {
        this._components.delete(tool);
      }
    });
  }

  get(tool: string): ComponentType<ICallProps> | undefined {
    return this._components.get(tool);
  }

  private readonly _components = new Map<string, ComponentType<ICallProps>>();
}

export const renderersPlugin: JupyterFrontEndPlugin<IPartRenderers> = {
  id: 'jupyter-agent-ext:renderers',
  description: 'How tool calls of the agent are shown.',
  autoStart: true,
  provides: IPartRenderers,
  activate: () => new PartRenderers()
};
