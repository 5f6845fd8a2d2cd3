/** One conversation of this page: its stream of events, and what can be done with it. */
import type { IOutput } from '@jupyterlab/nbformat';
import { UUID } from '@lumino/coreutils';
import type { IDisposable } from '@lumino/disposable';
import { Signal } from '@lumino/signaling';
import { path, running } from './state';
import type { AgentRequests } from './request';
import { SessionStream } from './stream';
import type {
  IAgentSession,
  IAnswer,
  IAttachment,
  IEvent,
  IPartial,
  IPending,
  ISessionState,
  ITurn,
  Mode
} from './tokens';

/** Where a conversation has its place; opening it there makes it known to the server. */
export interface IPlace {
  notebook: () => string;
  kernelId: () => string | null;
}

const HIDDEN_REDRAW = 200;

export class AgentSession implements IAgentSession, IDisposable {
  /**
   * A session without an id begins at the first question: the one that the notebook and its
   * kernel have on the server, or a `fresh` one.
   */
  constructor(
    private readonly _requests: AgentRequests,
    private readonly _place: IPlace,
    private _id: string | null,
    private readonly _fresh = false
  ) {
    this.subscribe();
  }

  readonly changed = new Signal<this, void>(this);
  /** It has got an id. */
  readonly opened = new Signal<this, string>(this);

  get id(): string | null {
    return this._id;
  }

  get state(): ISessionState {
    return this._stream.state;
  }

  /** Whether the whole log is here; a session that has not begun has none. */
  get synced(): boolean {
    return this._id === null || this._stream.synced;
  }

  get pending(): readonly IPending[] {
    return this._pending;
  }

  get error(): string | null {
    return this._error;
  }

  get isDisposed(): boolean {
    return this._disposed;
  }

  dispose(): void {
    if (this._disposed) {
      return;
    }
    this._disposed = true;
    if (this._id !== null) {
      this._requests.unsubscribe(this._id);
    }
    Signal.clearData(this);
  }

  path(): ITurn[] {
    return path(this.state);
  }

  running(): ITurn | null {
    return running(this.state);
  }

  partialsOf(turnId: string): [string, IPartial][] {
    return [...this._stream.partials].filter(([, partial]) => partial.turn_id === turnId);
  }

  outputs(callId: string): readonly IOutput[] {
    return this._stream.outputs.get(callId) ?? NONE;
  }

  blob(digest: string): Promise<Blob> {
    let found = this._blobs.get(digest);
    if (!found) {
      found = this._requests.blob(this._id ?? '', digest);
      found.catch(() => this._blobs.delete(digest));
      this._blobs.set(digest, found);
    }
    return found;
  }

  // -------------------------------------------------------------- doing

  async ask(query: string, attachments: IAttachment[] = []): Promise<void> {
    const question: IQuestion = { turn_id: UUID.uuid4(), query, error: null, attachments };
    this._pending = [...this._pending, question];
    this._redraw();
    await this._send(question);
  }

  async retry(turnId: string): Promise<void> {
    const question = this._pending.find(p => p.turn_id === turnId);
    if (question) {
      question.error = null;
      this._redraw();
      await this._send(question);
    }
  }

  discard(turnId: string): void {
    this._pending = this._pending.filter(p => p.turn_id !== turnId);
    this._redraw();
  }

  async interrupt(): Promise<void> {
    if (this._id !== null) {
      await this._guard(this._requests.interrupt(this._id));
    }
  }

  async answer(requestId: string, answer: IAnswer): Promise<void> {
    await this._guard(this._requests.answer(await this.open(), requestId, answer));
  }

  async rename(title: string): Promise<void> {
    await this._guard(this._requests.patchSession(await this.open(), { title }));
  }

  async setModel(model: string): Promise<void> {
    await this._guard(this._requests.patchSession(await this.open(), { model }));
  }

  async setMode(mode: Mode): Promise<void> {
    await this._guard(this._requests.patchSession(await this.open(), { mode }));
  }

  async compact(): Promise<boolean> {
    const done = await this._guard(this._requests.compact(await this.open()));
    return done?.done ?? false;
  }

  /** Return the session's id; one that has not begun is opened, bound to notebook and kernel. */
  async open(): Promise<string> {
    if (this._id !== null) {
      return this._id;
    }
    this._opening ??= this._begin().finally(() => {
      this._opening = null;
    });
    return this._opening;
  }

  private async _begin(): Promise<string> {
    const { notebook, kernelId } = this._place;
    const info = await this._requests.openSession({
      notebook: notebook(),
      kernel_id: kernelId(),
      session_id: this._fresh ? UUID.uuid4() : undefined
    });
    this._id = info.session_id;
    this.opened.emit(info.session_id);
    this.subscribe();
    return info.session_id;
  }

  // -------------------------------------------------------------- listening

  /** Follow the log after what is known of it (after a new connection: again). */
  subscribe(): void {
    if (this._id !== null) {
      this._stream.cut();
      this._requests.subscribe(this._id, this.state.seq);
    }
  }

  /** Take an event of this session's. */
  push(event: IEvent): void {
    const verdict = this._stream.push(event);
    if (verdict === 'gap') {
      this.subscribe();
    } else if (verdict === 'ok') {
      if (event.type === 'turn.started' || event.type === 'turn.queued') {
        this._pending = this._pending.filter(p => p.turn_id !== event.turn_id);
      }
      if (this._stream.synced) {
        this._redraw();
      }
    }
  }

  /** Show what went wrong; the next thing that works takes it away. */
  fail(message: string | null): void {
    this._error = message;
    this._redraw();
  }

  private async _send(question: IQuestion): Promise<void> {
    try {
      const body = { query: question.query, id: question.turn_id, parts: question.attachments };
      await this._requests.startTurn(await this.open(), body);
      this._error = null;
    } catch (error) {
      question.error = told(error);
    }
    this._redraw();
  }

  private async _guard<T>(call: Promise<T>): Promise<T | undefined> {
    try {
      const value = await call;
      this._error = null;
      return value;
    } catch (error) {
      this.fail(told(error));
      return undefined;
    } finally {
      this._redraw();
    }
  }

  /** At most one redraw a frame, however fast the events come. */
  private _redraw(): void {
    if (this._drawing || this._disposed) {
      return;
    }
    this._drawing = true;
    const draw = (): void => {
      this._drawing = false;
      if (!this._disposed) {
        this.changed.emit();
      }
    };
    if (document.hidden) {
      window.setTimeout(draw, HIDDEN_REDRAW); // frames stop in a hidden tab
    } else {
      window.requestAnimationFrame(draw);
    }
  }

  private readonly _stream = new SessionStream();
  private _opening: Promise<string> | null = null;
  private _pending: IQuestion[] = [];
  private _error: string | null = null;
  private _drawing = false;
  private _disposed = false;
  private readonly _blobs = new Map<string, Promise<Blob>>();
}

interface IQuestion extends IPending {
  attachments: IAttachment[];
}

const NONE: readonly IOutput[] = [];

/** An error in words: what happened, and what can be done. */
export function told(error: unknown): string {
  const { message, hint } = error as { message?: string; hint?: string };
  return [message ?? String(error), hint].filter(Boolean).join(' ');
}
