/** Marks the cells that the agent changed until the person has looked at them. */
import type { Cell } from '@jupyterlab/cells';
import type { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import type { IDisposable } from '@lumino/disposable';
import { Signal } from '@lumino/signaling';

const MARK = 'jp-Agent-changedCell';

export class CellMarks implements IDisposable {
  constructor(private readonly _tracker: INotebookTracker) {
    _tracker.activeCellChanged.connect(this._looked, this);
  }

  isDisposed = false;

  dispose(): void {
    this.isDisposed = true;
    Signal.clearData(this);
  }

  /** Mark a cell of an open notebook; the active one is looked at already. */
  add(panel: NotebookPanel, cellId: string): void {
    const cell = panel.content.widgets.find(widget => widget.model.id === cellId);
    const seen = this._tracker.currentWidget === panel && panel.content.activeCell === cell;
    if (cell && !(seen && panel.node.contains(document.activeElement))) {
      cell.addClass(MARK);
    }
  }

  private _looked(_: INotebookTracker, cell: Cell | null): void {
    cell?.removeClass(MARK);
  }
}
