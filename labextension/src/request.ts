/** The only module that knows addresses: the calls of the REST API and the page's one socket. */
import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';
import { UUID } from '@lumino/coreutils';
import type { IDisposable } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';
import type {
  IAnswer,
  IAttachment,
  IEvent,
  IModelList,
  ISessionLine,
  IVariables,
  JsonObject,
  Mode
} from './tokens';

/** An error that the server explained. */
export class AgentError extends Error {
  constructor(
    message: string,
    readonly status: number,
    readonly code: string,
    readonly hint: string
  ) {
    super(message);
  }
}

/** What is described of a session that was opened. */
export interface ISessionInfo {
  session_id: string;
  kernel_id: string | null;
}

/** What the page tells of itself. */
export interface IPresence {
  notebooks: {
    path: string;
    focused: boolean;
    kernel_id: string | null;
    dirty: boolean;
    active_cell: string | null;
  }[];
  visible: boolean;
}

/** A frame from the server (docs/socket.md). */
export type Frame =
  | { type: 'event'; session: string; event: IEvent }
  | { type: 'events'; session: string; events: IEvent[] }
  | { type: 'errand'; session: string; events: IEvent[] }
  | { type: 'read'; read_id: string; path: string }
  | {
      type: 'error';
      session: string | null;
      error: { message: string; code: string; hint: string };
    };

const FIRST_WAIT = 500;
const LONGEST_WAIT = 15_000;

export class AgentRequests implements IDisposable {
  constructor(private readonly _settings: ServerConnection.ISettings) {}

  /** What names this page; the same after a reconnect. */
  readonly clientId = UUID.uuid4();

  get connected(): boolean {
    return this._open;
  }

  /** The socket was opened (true) or lost (false). */
  get connection(): ISignal<this, boolean> {
    return this._connection;
  }

  get frames(): ISignal<this, Frame> {
    return this._frames;
  }

  get isDisposed(): boolean {
    return this._disposed;
  }

  dispose(): void {
    this._disposed = true;
    window.clearTimeout(this._timer);
    this._socket?.close();
    Signal.clearData(this);
  }

  // -------------------------------------------------------------- the socket

  /** Open the socket, and again whenever it is lost. */
  connect(): void {
    if (this._disposed || this._socket) {
      return;
    }
    const { wsUrl, token, appendToken, WebSocket } = this._settings;
    let url = URLExt.join(wsUrl, 'agent', 'ws');
    if (appendToken && token) {
      url += `?token=${encodeURIComponent(token)}`;
    }
    const socket = new WebSocket(url);
    this._socket = socket;
    socket.onopen = () => {
      this._open = true;
      this._wait = FIRST_WAIT;
      this.send({ type: 'hello', client_id: this.clientId });
      this._connection.emit(true);
    };
    socket.onmessage = (message: MessageEvent<string>) => {
      this._take(JSON.parse(message.data) as Frame);
    };
    socket.onclose = () => this._lost();
  }

  /** Send a frame; it is dropped where there is no connection: a new one begins from scratch. */
  send(frame: object): void {
    if (this._open) {
      this._socket?.send(JSON.stringify(frame));
    }
  }

  subscribe(session: string, after: number): void {
    this._replaying.add(session);
    this.send({ type: 'subscribe', session, after, batch: true });
  }

  /** Whether what comes of this session is still its past. */
  isReplaying(session: string): boolean {
    return this._replaying.has(session);
  }

  unsubscribe(session: string): void {
    this._replaying.delete(session);
    this.send({ type: 'unsubscribe', session });
  }

  presence(presence: IPresence): void {
    this.send({ type: 'presence', ...presence });
  }

  private _take(frame: Frame): void {
    if (frame.type === 'events') {
      const { session } = frame;
      frame.events.forEach(event => this._take({ type: 'event', session, event }));
      return;
    }
    if (frame.type === 'event' && frame.event.type === 'synced') {
      this._replaying.delete(frame.session);
    }
    this._frames.emit(frame);
  }

  private _lost(): void {
    const was = this._open;
    this._open = false;
    this._socket = null;
    if (this._disposed) {
      return;
    }
    this._timer = window.setTimeout(() => this.connect(), this._wait * (0.75 + Math.random() / 2));
    this._wait = Math.min(this._wait * 2, LONGEST_WAIT);
    if (was) {
      this._connection.emit(false);
    }
  }

  // -------------------------------------------------------------- sessions

  openSession(body: {
    notebook: string;
    kernel_id?: string | null;
    session_id?: string;
    model?: string;
  }): Promise<ISessionInfo> {
    return this._call('POST', ['sessions'], body);
  }

  async sessions(notebook: string, q = ''): Promise<ISessionLine[]> {
    const query = URLExt.objectToQueryString({ notebook, q });
    const found = await this._call<{ sessions: ISessionLine[] }>('GET', ['sessions'], null, query);
    return found.sessions;
  }

  patchSession(
    session: string,
    body: { title?: string; model?: string; mode?: Mode }
  ): Promise<ISessionInfo> {
    return this._call('PATCH', ['sessions', session], body);
  }

  deleteSession(session: string): Promise<void> {
    return this._call('DELETE', ['sessions', session]);
  }

  startTurn(
    session: string,
    body: { query: string; id: string; parts?: IAttachment[] }
  ): Promise<{ turn_id: string; seq: number }> {
    return this._call('POST', ['sessions', session, 'turns'], body);
  }

  answer(session: string, request: string, body: IAnswer | JsonObject): Promise<JsonObject> {
    return this._call('POST', ['sessions', session, 'requests', request], body);
  }

  interrupt(session: string): Promise<{ done: boolean }> {
    return this._call('POST', ['sessions', session, 'interrupt'], {});
  }

  compact(session: string): Promise<{ done: boolean }> {
    return this._call('POST', ['sessions', session, 'compact'], {});
  }

  async blob(session: string, digest: string): Promise<Blob> {
    const response = await this._fetch('GET', ['sessions', session, 'blobs', digest]);
    return response.blob();
  }

  // -------------------------------------------------------------- kernels, models, files

  variables(kernel: string): Promise<IVariables> {
    return this._call('GET', ['kernels', kernel, 'variables']);
  }

  models(): Promise<IModelList> {
    return this._call('GET', ['models']);
  }

  setKey(provider: string, key: string): Promise<void> {
    return this._call('PUT', ['models', provider, 'key'], { key });
  }

  deleteKey(provider: string): Promise<void> {
    return this._call('DELETE', ['models', provider, 'key']);
  }

  // -------------------------------------------------------------- the wire

  private async _call<T>(
    method: string,
    path: string[],
    body: object | null = null,
    query = ''
  ): Promise<T> {
    const response = await this._fetch(method, path, body, query);
    return (response.status === 204 ? undefined : await response.json()) as T;
  }

  private async _fetch(
    method: string,
    path: string[],
    body: object | null = null,
    query = ''
  ): Promise<Response> {
    const url = URLExt.join(this._settings.baseUrl, 'agent', ...path.map(encodeURIComponent));
    const init: RequestInit = { method };
    if (body !== null) {
      init.body = JSON.stringify(body);
    }
    const response = await ServerConnection.makeRequest(url + query, init, this._settings);
    if (!response.ok) {
      throw await explained(response);
    }
    return response;
  }

  private readonly _connection = new Signal<this, boolean>(this);
  private readonly _replaying = new Set<string>();
  private readonly _frames = new Signal<this, Frame>(this);
  private _socket: WebSocket | null = null;
  private _open = false;
  private _disposed = false;
  private _wait = FIRST_WAIT;
  private _timer = 0;
}

async function explained(response: Response): Promise<AgentError> {
  let body: Partial<Record<'message' | 'code' | 'hint', string>> = {};
  try {
    body = await response.json();
  } catch {
    // a proxy answered, not our server
  }
  return new AgentError(
    body.message ?? `${response.status} ${response.statusText}`,
    response.status,
    body.code ?? 'unknown',
    body.hint ?? ''
  );
}
