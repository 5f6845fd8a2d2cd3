/** What the panel does with the followed notebook for the person: read, reveal, insert, run. */
import type { ICodeCellModel } from '@jupyterlab/cells';
import type { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import { NotebookActions } from '@jupyterlab/notebook';
import type { IDisposable } from '@lumino/disposable';
import { Signal } from '@lumino/signaling';
import { undoLastEdit } from './edits';
import { AgentPage } from './page';
import type { INotebookBridge, INotebookCell } from './tokens';

export class NotebookBridge implements INotebookBridge, IDisposable {
  constructor(tracker: INotebookTracker) {
    this._tracker = tracker;
    tracker.currentChanged.connect(this._emit, this);
    tracker.activeCellChanged.connect(this._emit, this);
  }

  readonly changed = new Signal<this, void>(this);
  isDisposed = false;

  dispose(): void {
    this.isDisposed = true;
    Signal.clearData(this);
  }

  get path(): string | null {
    const panel = this._panel;
    return panel ? AgentPage.pathOf(panel) : null;
  }

  /** The MIME type of the notebook's code. */
  get language(): string {
    return this._panel?.content.codeMimetype ?? 'text/x-ipython';
  }

  cells(): INotebookCell[] {
    return (this._panel?.model?.sharedModel.cells ?? []).map((cell, index) => ({
      id: cell.getId(),
      index,
      type: cell.cell_type,
      source: cell.getSource()
    }));
  }

  failedCell(): INotebookCell | null {
    const cells = this._panel?.model?.cells;
    for (let index = (cells?.length ?? 0) - 1; cells && index >= 0; index--) {
      const cell = cells.get(index);
      if (cell?.type === 'code' && hasError(cell as ICodeCellModel)) {
        const { id, type, sharedModel } = cell;
        return { id, index, type, source: sharedModel.getSource() };
      }
    }
    return null;
  }

  indexOf(cellId: string): number {
    const cells = this._panel?.model?.sharedModel.cells ?? [];
    return cells.findIndex(cell => cell.getId() === cellId);
  }

  source(cellId: string): string | null {
    const cells = this._panel?.model?.sharedModel.cells ?? [];
    return cells.find(cell => cell.getId() === cellId)?.getSource() ?? null;
  }

  reveal(cellId: string): void {
    const notebook = this._panel?.content;
    const index = notebook?.widgets.findIndex(cell => cell.model.id === cellId) ?? -1;
    if (notebook && index >= 0) {
      notebook.activeCellIndex = index;
      notebook.deselectAll();
      void notebook.scrollToItem(index, 'smart');
    }
  }

  insertBelow(source: string): void {
    const notebook = this._panel?.content;
    if (notebook) {
      NotebookActions.insertBelow(notebook);
      notebook.activeCell?.model.sharedModel.setSource(source);
      this.reveal(notebook.activeCell?.model.id ?? '');
    }
  }

  replaceActive(source: string): void {
    const cell = this._panel?.content.activeCell;
    if (cell) {
      cell.model.sharedModel.setSource(source);
      this.reveal(cell.model.id);
    }
  }

  async run(source: string): Promise<void> {
    const panel = this._panel;
    if (panel) {
      this.insertBelow(source);
      await NotebookActions.run(panel.content, panel.sessionContext);
    }
  }

  undoEdit(): boolean {
    const shared = this._panel?.model?.sharedModel;
    return shared ? undoLastEdit(shared) : false;
  }

  private get _panel(): NotebookPanel | null {
    return this._tracker.currentWidget;
  }

  private _emit(): void {
    this.changed.emit();
  }

  private readonly _tracker: INotebookTracker;
}

function hasError(cell: ICodeCellModel): boolean {
  for (let i = 0; i < cell.outputs.length; i++) {
    if (cell.outputs.get(i).type === 'error') {
      return true;
    }
  }
  return false;
}
