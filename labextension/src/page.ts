/** What this page is to the server: the notebooks it shows, and edits and runs it carries out. */
import { CodeCell } from '@jupyterlab/cells';
import type { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import type { KernelMessage } from '@jupyterlab/services';
import type { IDisposable } from '@lumino/disposable';
import { Signal } from '@lumino/signaling';
import { readCells } from './cells';
import type { Operation } from './edits';
import { applyOperations, expectCell, RefusedError } from './edits';
import type { AgentRequests, Frame } from './request';
import type { IChange, IEvent, JsonObject } from './tokens';

const SETTLE = 60;
/** Tries to hand in an answer, and the pause between them in milliseconds. */
const TRIES = 5;
const PAUSE = 1_000;
/** How old the server's word that this page may act can be, in milliseconds. */
const FRESH = 5_000;

interface ITask {
  session: string;
  kind: string;
  payload: JsonObject;
  /** Whether the lease was given to this page; the server says if it still is. */
  mine: boolean;
}

export class AgentPage implements IDisposable {
  constructor(
    private readonly _requests: AgentRequests,
    private readonly _tracker: INotebookTracker
  ) {
    _requests.connection.connect(this._connected, this);
    _requests.frames.connect(this._frame, this);
    _tracker.widgetAdded.connect(this._added, this);
    _tracker.currentChanged.connect(this._show, this);
    _tracker.activeCellChanged.connect(this._show, this);
    _tracker.forEach(panel => this._added(_tracker, panel));
    document.addEventListener('visibilitychange', this._listener);
  }

  /** The agent changed a cell through this page. */
  readonly edited = new Signal<this, { panel: NotebookPanel; change: IChange }>(this);

  get isDisposed(): boolean {
    return this._disposed;
  }

  dispose(): void {
    this._disposed = true;
    window.clearTimeout(this._timer);
    document.removeEventListener('visibilitychange', this._listener);
    Signal.clearData(this);
  }

  /** The path as the server names it, without the drive of shared documents. */
  static pathOf(panel: NotebookPanel): string {
    return panel.context.path.replace(/^RTC:/, '').replace(/^\/+/, '');
  }

  // -------------------------------------------------------------- presence

  private _added(_: INotebookTracker, panel: NotebookPanel): void {
    panel.context.pathChanged.connect(this._show, this);
    panel.context.model?.stateChanged?.connect(this._show, this);
    panel.sessionContext.kernelChanged.connect(this._show, this);
    panel.disposed.connect(this._show, this);
    this._show();
  }

  private _connected(_: AgentRequests, open: boolean): void {
    if (open) {
      this._tell();
    }
  }

  /** Tell soon: such changes come in bundles. */
  private _show(): void {
    if (this._timer === 0) {
      this._timer = window.setTimeout(() => this._tell(), SETTLE);
    }
  }

  private _tell(): void {
    window.clearTimeout(this._timer);
    this._timer = 0;
    const current = this._tracker.currentWidget;
    this._requests.presence({
      notebooks: this._panels().map(panel => ({
        path: AgentPage.pathOf(panel),
        focused: panel === current,
        kernel_id: panel.sessionContext.session?.kernel?.id ?? null,
        dirty: panel.context.model?.dirty ?? false,
        active_cell: panel.content.activeCell?.model.id ?? null
      })),
      visible: !document.hidden
    });
  }

  /** One panel for each open notebook, the current one first. */
  private _panels(): NotebookPanel[] {
    const panels = new Map<string, NotebookPanel>();
    const add = (panel: NotebookPanel | null): void => {
      if (panel && !panel.isDisposed && panel.context.isReady) {
        const path = AgentPage.pathOf(panel);
        panels.set(path, panels.get(path) ?? panel);
      }
    };
    add(this._tracker.currentWidget);
    this._tracker.forEach(add);
    return [...panels.values()];
  }

  private _panel(path: string): NotebookPanel {
    const panel = this._panels().find(p => AgentPage.pathOf(p) === path);
    if (!panel?.model) {
      throw new RefusedError('not_open', `${path} is not open in this page.`);
    }
    return panel;
  }

  // -------------------------------------------------------------- what the server wants

  private _frame(_: AgentRequests, frame: Frame): void {
    if (frame.type === 'read') {
      this._read(frame.read_id, frame.path);
    } else if (frame.type === 'errand') {
      frame.events.forEach(event => this._event(frame.session, event));
    } else if (frame.type === 'event') {
      this._event(frame.session, frame.event);
    }
  }

  private _read(read_id: string, path: string): void {
    try {
      const cells = readCells(this._panel(path).model!.sharedModel);
      this._requests.send({ type: 'cells', read_id, cells });
    } catch (error) {
      this._requests.send({ type: 'cells', read_id, error: refusal(error) });
    }
  }

  /** Edits and runs come with the events of their session, or by themselves where it is unknown. */
  private _event(session: string, event: IEvent): void {
    const data = event.data as JsonObject;
    const id = String(data.request_id);
    if (event.type === 'request.opened' && (data.kind === 'edit' || data.kind === 'run')) {
      if (!this._taken.has(id)) {
        const payload = data.payload as JsonObject;
        this._tasks.set(id, { session, kind: data.kind, payload, mine: false });
      }
    } else if (event.type === 'request.answered') {
      this._tasks.delete(id);
    } else if (event.type === 'turn.ended') {
      this._forget(session);
    } else if (event.type === 'request.leased') {
      const task = this._tasks.get(id);
      if (task) {
        task.mine = data.client_id === this._requests.clientId;
      }
    }
    if (!this._requests.isReplaying(session)) {
      this._begin(session);
    }
  }

  /** Carry out what this page holds the lease for, once. */
  private _begin(session: string): void {
    for (const [id, task] of [...this._tasks]) {
      if (task.session === session && task.mine && !this._taken.has(id)) {
        this._taken.add(id);
        void this._carryOut(id, task);
      }
    }
  }

  private _forget(session: string): void {
    for (const [id, task] of this._tasks) {
      if (task.session === session) {
        this._tasks.delete(id);
      }
    }
  }

  private async _carryOut(id: string, task: ITask): Promise<void> {
    const client_id = this._requests.clientId;
    const claimed = await this._claim(id, task);
    if (!this._tasks.delete(id) || !claimed) {
      return; // it is another page's by now, or settled
    }
    try {
      const panel = this._panel(String(task.payload.path));
      const result =
        task.kind === 'edit' ? this._edit(panel, task) : await this._run(panel, id, task);
      await this._hand(id, task, { decision: 'done', client_id, result });
    } catch (error) {
      await this._hand(id, task, { decision: 'failed', client_id, error: refusal(error) });
    }
  }

  /**
   * Ask the server whether this page may still act. A page that slept since it asked, asks
   * again: the clock of the lease is the server's.
   */
  private async _claim(id: string, task: ITask): Promise<boolean> {
    for (let tried = 1; tried <= TRIES && this._tasks.has(id); tried++) {
      const asked = Date.now();
      if (!(await this._hand(id, task, this._started({})))) {
        return false;
      }
      if (Date.now() - asked < FRESH) {
        return true;
      }
    }
    return false;
  }

  private _started(result: JsonObject): JsonObject {
    return { decision: 'started', client_id: this._requests.clientId, result };
  }

  private _edit(panel: NotebookPanel, task: ITask): JsonObject {
    const operations = task.payload.operations as unknown as Operation[];
    const changes = keepingScroll(panel, () =>
      applyOperations(panel.model!.sharedModel, operations)
    );
    for (const change of changes) {
      this.edited.emit({ panel, change });
    }
    return { changes: changes as unknown as JsonObject[] };
  }

  private async _run(panel: NotebookPanel, id: string, task: ITask): Promise<JsonObject> {
    const cellId = String(task.payload.cell_id);
    const kernel = panel.sessionContext.session?.kernel;
    if (!kernel) {
      throw new RefusedError('kernel', 'The notebook has no kernel.');
    }
    if (task.payload.kernel_id && task.payload.kernel_id !== kernel.id) {
      throw new RefusedError('kernel', 'The notebook has another kernel than the agent.');
    }
    expectCell(panel.model!.sharedModel, cellId, String(task.payload.expected));
    const cell = panel.content.widgets.find(widget => widget.model.id === cellId);
    if (!(cell instanceof CodeCell)) {
      throw new RefusedError('not_found', `Cell ${cellId} is no code cell.`, { cell_id: cellId });
    }
    const done = CodeCell.execute(cell, panel.sessionContext, {
      deletedCells: panel.model?.deletedCells ?? [],
      recordTiming: panel.content.notebookConfig.recordTiming
    });
    const msg_id = cell.outputArea.future?.msg.header.msg_id ?? '';
    void this._hand(id, task, this._started({ msg_id }));
    this.edited.emit({ panel, change: { cell_id: cellId } });
    const reply = await settled(done);
    if (!reply) {
      throw new RefusedError('kernel', 'The kernel gave no reply: it was restarted, or it died.');
    }
    const { status, execution_count } = reply.content;
    return { status, execution_count: execution_count ?? null, msg_id };
  }

  /**
   * Hand in an answer, again after a lost connection; say whether the server took it. What was
   * settled meanwhile is let be.
   */
  private async _hand(id: string, task: ITask, answer: JsonObject): Promise<boolean> {
    for (let tried = 1; tried <= TRIES && !this._disposed; tried++) {
      try {
        await this._requests.answer(task.session, id, answer);
        return true;
      } catch (error) {
        const status = (error as { status?: number }).status;
        if ((status !== undefined && status < 500) || tried === TRIES) {
          console.warn(`The agent's request ${id} could not be answered.`, error);
          return false;
        }
        await new Promise(resolve => window.setTimeout(resolve, PAUSE * tried));
      }
    }
    return false;
  }

  private readonly _listener = (): void => this._show();
  private readonly _tasks = new Map<string, ITask>();
  private readonly _taken = new Set<string>();
  private _timer = 0;
  private _disposed = false;
}

/** The reply to an execution; a failing cell rejects, its reply is the same to us. */
async function settled(
  done: Promise<KernelMessage.IExecuteReplyMsg | void>
): Promise<{ content: { status: string; execution_count?: number | null } } | null> {
  try {
    return (await done) ?? null;
  } catch (error) {
    const { ename } = error as { ename?: string };
    return ename === undefined ? null : { content: { status: 'error' } };
  }
}

/** Change the notebook without moving what the person looks at. */
function keepingScroll<T>(panel: NotebookPanel, change: () => T): T {
  const active = panel.content.activeCell?.model.id;
  const node = panel.content.outerNode ?? panel.content.node;
  const top = node.scrollTop;
  const value = change();
  const index = panel.content.widgets.findIndex(cell => cell.model.id === active);
  if (index >= 0 && panel.content.activeCellIndex !== index) {
    panel.content.activeCellIndex = index;
  }
  node.scrollTop = top;
  return value;
}

function refusal(error: unknown): JsonObject {
  if (error instanceof RefusedError) {
    return error.toJSON();
  }
  return { code: 'kernel', message: String((error as Error).message ?? error) };
}
