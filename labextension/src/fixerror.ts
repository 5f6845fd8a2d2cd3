/** A button above every failed output of a notebook. */
import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';
import type { Message } from '@lumino/messaging';
import { Panel, Widget } from '@lumino/widgets';

/** The type that every error output carries, and plain stderr does not. */
const ERROR = 'application/vnd.jupyter.error';
const STDERR = 'application/vnd.jupyter.stderr';

export interface IFix {
  isShown(node: HTMLElement): boolean;
  fix(node: HTMLElement): void;
}

/** Put the button above what shows errors until now. */
export function addFixButton(rendermime: IRenderMimeRegistry, label: string, fix: IFix): void {
  const base = rendermime.getFactory(ERROR) ?? rendermime.getFactory(STDERR);
  if (base) {
    const mimeType = base.mimeTypes.includes(ERROR) ? ERROR : STDERR;
    rendermime.addFactory(
      {
        safe: true,
        mimeTypes: [ERROR],
        createRenderer: options =>
          new ErrorWithFix(base.createRenderer({ ...options, mimeType }), label, fix)
      },
      0
    );
  }
}

class ErrorWithFix extends Panel implements IRenderMime.IRenderer {
  constructor(
    private readonly _inner: IRenderMime.IRenderer,
    label: string,
    private readonly _fix: IFix
  ) {
    super();
    const bar = new Widget();
    bar.addClass('jp-Agent-fixbar');
    const button = document.createElement('button');
    button.className = 'jp-mod-styled jp-mod-reject jp-Agent-fix';
    button.textContent = label;
    button.addEventListener('click', () => this._fix.fix(this.node));
    bar.node.appendChild(button);
    this._bar = bar;
    this.addWidget(bar);
    this.addWidget(_inner as unknown as Widget);
  }

  renderModel(model: IRenderMime.IMimeModel): Promise<void> {
    return this._inner.renderModel(model);
  }

  protected onAfterAttach(message: Message): void {
    super.onAfterAttach(message);
    this._bar.setHidden(!this._fix.isShown(this.node)); // a console has no cell to fix
  }

  private readonly _bar: Widget;
}
