/** The live variables of the followed notebook's kernel, read again after each execution. */
import type { ISessionContext } from '@jupyterlab/apputils';
import type { IDisposable } from '@lumino/disposable';
import { DisposableDelegate } from '@lumino/disposable';
import { Signal } from '@lumino/signaling';
import type { AgentRequests } from './request';
import { told } from './session';
import type { ILiveVariables, IVariables } from './tokens';

/** After an execution; several cells that run one after another are read once. */
const AFTER_IDLE = 150;
/** While a cell runs. */
const WHILE_BUSY = 3_000;

export class LiveVariables implements ILiveVariables, IDisposable {
  constructor(private readonly _requests: AgentRequests) {}

  readonly changed = new Signal<this, void>(this);
  reading: IVariables | null = null;
  readAt = 0;
  error: string | null = null;

  get busy(): boolean {
    return this._context?.session?.kernel?.status === 'busy';
  }

  get kernelId(): string | null {
    return this._context?.session?.kernel?.id ?? null;
  }

  get isDisposed(): boolean {
    return this._disposed;
  }

  dispose(): void {
    this._disposed = true;
    this.follow(null);
    Signal.clearData(this);
  }

  /** Follow a notebook's kernel. */
  follow(context: ISessionContext | null): void {
    if (context === this._context) {
      return;
    }
    this._context?.statusChanged.disconnect(this._status, this);
    this._context?.kernelChanged.disconnect(this._kernel, this);
    this._context = context;
    context?.statusChanged.connect(this._status, this);
    context?.kernelChanged.connect(this._kernel, this);
    this._kernel();
  }

  /** Read while somebody looks; nobody reads for a panel that is hidden. */
  watch(): IDisposable {
    this._watchers += 1;
    this._soon(0);
    return new DisposableDelegate(() => {
      this._watchers -= 1;
    });
  }

  async refresh(): Promise<void> {
    const kernel = this.kernelId;
    if (kernel === null || this._disposed) {
      return;
    }
    try {
      const reading = await this._requests.variables(kernel);
      if (kernel !== this.kernelId) {
        return;
      }
      this.reading = reading;
      this.readAt = Date.now() - reading.age * 1000;
      this.error = null;
    } catch (error) {
      this.error = told(error);
    }
    if (!this._disposed) {
      this.changed.emit();
    }
  }

  private _kernel(): void {
    this.reading = null;
    this.error = null;
    this.changed.emit();
    this._soon(0);
  }

  private _status(_: ISessionContext, status: string): void {
    if (status === 'restarting' || status === 'autorestarting' || status === 'dead') {
      this.reading = null;
    }
    this.changed.emit();
    this._soon(status === 'busy' ? WHILE_BUSY : AFTER_IDLE);
  }

  private _soon(wait: number): void {
    window.clearTimeout(this._timer);
    if (this._watchers === 0 || this._disposed) {
      return;
    }
    this._timer = window.setTimeout(() => {
      void this.refresh().then(() => {
        if (this.busy) {
          this._soon(WHILE_BUSY);
        }
      });
    }, wait);
  }

  private _context: ISessionContext | null = null;
  private _watchers = 0;
  private _timer = 0;
  private _disposed = false;
}
