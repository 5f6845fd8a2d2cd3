/** The panel as a widget of the sidebar. It is drawn when it is first shown, not before. */
import { ReactWidget } from '@jupyterlab/ui-components';
import type { Message } from '@lumino/messaging';
import React from 'react';
import type { IPanelContext } from './components/context';
import { Panel } from './components/panel';
import { agentIcon } from './icon';

export class AgentPanel extends ReactWidget {
  constructor(
    private readonly _context: IPanelContext,
    private readonly _showVariables: () => boolean
  ) {
    super();
    const { trans } = _context;
    this.id = 'jupyter-agent-ext-panel';
    this.title.icon = agentIcon;
    this.title.caption = trans.__('Agent');
    this.addClass('jp-Agent');
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', trans.__('Agent'));
  }

  /** Put the cursor where the person writes. */
  focus(): void {
    this.node.querySelector('textarea')?.focus();
  }

  protected onAfterShow(message: Message): void {
    super.onAfterShow(message);
    this._shown = true;
    this.update();
  }

  protected onAfterHide(message: Message): void {
    super.onAfterHide(message);
    this.update();
  }

  protected onActivateRequest(message: Message): void {
    super.onActivateRequest(message);
    this.focus();
  }

  protected render(): JSX.Element | null {
    if (!this._shown && !this.isVisible) {
      return null;
    }
    this._shown = true;
    return (
      <Panel
        context={this._context}
        visible={this.isVisible}
        showVariables={this._showVariables()}
      />
    );
  }

  private _shown = false;
}
