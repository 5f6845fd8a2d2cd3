/** The conversations of this page: one for each open notebook, the active one's is shown. */
import type { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import type { Contents, Kernel } from '@jupyterlab/services';
import type { DocumentRegistry } from '@jupyterlab/docregistry';
import { UUID } from '@lumino/coreutils';
import type { IDisposable } from '@lumino/disposable';
import { Signal } from '@lumino/signaling';
import { NotebookBridge } from './notebook';
import { AgentPage } from './page';
import type { AgentRequests, Frame } from './request';
import { AgentSession, told } from './session';
import type { IAgentSessions, IDraft, IModelList, ISessionLine } from './tokens';
import { LiveVariables } from './variables';

type Context = DocumentRegistry.IContext<DocumentRegistry.IModel>;

/** What is known of an open notebook. */
interface IConversation {
  panel: NotebookPanel;
  session: AgentSession;
  /** The person chose it: it stays where the kernel changes. */
  chosen: boolean;
  /** Its name in this page: a new one when the person chooses another session. */
  name: string;
  /** The names of the sessions that the person left, by their ids. */
  names: Map<string, string>;
}

const RESUBSCRIBE = 1_000;

export class AgentSessions implements IAgentSessions, IDisposable {
  constructor(
    private readonly _requests: AgentRequests,
    private readonly _tracker: INotebookTracker,
    private readonly _contents: Contents.IManager,
    private readonly _kernels: Kernel.IManager
  ) {
    this.variables = new LiveVariables(_requests);
    this.notebook = new NotebookBridge(_tracker);
    _requests.connection.connect(this._connection, this);
    _requests.frames.connect(this._frame, this);
    _tracker.currentChanged.connect(this._follow, this);
    _tracker.widgetAdded.connect(this._added, this);
    _tracker.forEach(panel => this._added(_tracker, panel));
    this._follow();
  }

  readonly changed = new Signal<this, void>(this);
  readonly drafted = new Signal<this, void>(this);
  readonly variables: LiveVariables;
  readonly notebook: NotebookBridge;
  models: IModelList | null = null;

  get current(): AgentSession | null {
    return this._current()?.session ?? null;
  }

  get conversation(): string {
    return this._current()?.name ?? '';
  }

  get connected(): boolean {
    return this._requests.connected;
  }

  get isDisposed(): boolean {
    return this._disposed;
  }

  dispose(): void {
    this._disposed = true;
    for (const { session } of this._open.values()) {
      session.dispose();
    }
    this.variables.dispose();
    this.notebook.dispose();
    Signal.clearData(this);
  }

  draft(draft: IDraft): void {
    this._draft = draft;
    this.drafted.emit();
  }

  takeDraft(): IDraft | null {
    const draft = this._draft;
    this._draft = null;
    return draft;
  }

  // -------------------------------------------------------------- sessions of the notebook

  async list(query: string): Promise<ISessionLine[]> {
    const path = this.notebook.path;
    return path === null ? [] : this._requests.sessions(path, query);
  }

  choose(sessionId: string): void {
    const conversation = this._current();
    if (conversation && conversation.session.id !== sessionId) {
      this._replace(conversation, sessionId, true);
    }
  }

  startNew(): void {
    const conversation = this._current();
    if (conversation) {
      this._replace(conversation, null, true, true);
    }
  }

  async remove(sessionId: string): Promise<void> {
    await this._requests.deleteSession(sessionId);
    for (const conversation of this._open.values()) {
      if (conversation.session.id === sessionId) {
        this._replace(conversation, null, false);
        await this._find(conversation);
      }
    }
  }

  async renameOther(sessionId: string, title: string): Promise<void> {
    await this._requests.patchSession(sessionId, { title });
  }

  // -------------------------------------------------------------- models, files

  async refreshModels(): Promise<void> {
    this.models = await this._requests.models();
    this.changed.emit();
  }

  async setKey(provider: string, key: string): Promise<void> {
    await this._requests.setKey(provider, key);
    await this.refreshModels();
  }

  async deleteKey(provider: string): Promise<void> {
    await this._requests.deleteKey(provider);
    await this.refreshModels();
  }

  /** Files whose path begins with `prefix`, in the folder that it names, beside the notebook. */
  async files(prefix: string): Promise<string[]> {
    const base = (this.notebook.path ?? '').split('/').slice(0, -1).join('/');
    const folder = prefix.includes('/') ? prefix.slice(0, prefix.lastIndexOf('/')) : '';
    const start = folder ? `${folder}/` : '';
    const where = [base, folder].filter(Boolean).join('/');
    try {
      const found = await this._contents.get(where, { type: 'directory', content: true });
      return (found.content as Contents.IModel[])
        .map(entry => start + entry.name + (entry.type === 'directory' ? '/' : ''))
        .filter(name => name.toLowerCase().startsWith(prefix.toLowerCase()))
        .sort();
    } catch {
      return []; // there is no such folder
    }
  }

  // -------------------------------------------------------------- following

  private _current(): IConversation | null {
    const panel = this._tracker.currentWidget;
    return (panel && this._open.get(panel.context)) ?? null;
  }

  private _added(_: INotebookTracker, panel: NotebookPanel): void {
    const { context } = panel;
    if (this._open.has(context)) {
      return; // a second view of the same notebook
    }
    const session = this._make(panel, null);
    const name = UUID.uuid4();
    const conversation = { panel, session, chosen: false, name, names: new Map<string, string>() };
    this._open.set(context, conversation);
    context.disposed.connect(() => {
      conversation.session.dispose();
      this._open.delete(context);
      this._follow();
    });
    panel.sessionContext.kernelChanged.connect(() => {
      if (!conversation.chosen) {
        void this._find(conversation);
      }
    });
    context.pathChanged.connect(() => this.changed.emit());
    void context.ready.then(() => this._find(conversation));
  }

  private _follow(): void {
    const panel = this._tracker.currentWidget;
    this.variables.follow(panel?.sessionContext ?? null);
    this.changed.emit();
  }

  /** Continue the conversation that this notebook and kernel had, if they had one. */
  private async _find(conversation: IConversation): Promise<void> {
    const { panel, session } = conversation;
    const kernel = panel.sessionContext.session?.kernel?.id ?? null;
    if (!this.connected || panel.isDisposed || session.running() || session.pending.length > 0) {
      return;
    }
    try {
      const lines = await this._requests.sessions(AgentPage.pathOf(panel));
      const alive = new Set([...this._kernels.running()].map(model => model.id));
      const line =
        lines.find(l => l.kernel_id === kernel) ??
        lines.find(l => kernel === null || l.kernel_id === null || !alive.has(l.kernel_id));
      if (line && conversation.session === session && session.id !== line.session_id) {
        this._replace(conversation, line.session_id, false);
      }
    } catch (error) {
      conversation.session.fail(told(error));
    }
  }

  private _make(panel: NotebookPanel, id: string | null, fresh = false): AgentSession {
    const session = new AgentSession(
      this._requests,
      {
        notebook: () => AgentPage.pathOf(panel),
        kernelId: () => panel.sessionContext.session?.kernel?.id ?? null
      },
      id,
      fresh
    );
    session.opened.connect((_, opened) => this._sessions.set(opened, session));
    if (id !== null) {
      this._sessions.set(id, session);
    }
    return session;
  }

  private _replace(
    conversation: IConversation,
    id: string | null,
    chosen: boolean,
    fresh = false
  ): void {
    const former = conversation.session;
    if (former.id !== null) {
      this._sessions.delete(former.id);
      conversation.names.set(former.id, conversation.name);
    }
    if (chosen) {
      conversation.name = conversation.names.get(id ?? '') ?? UUID.uuid4();
    }
    former.dispose();
    conversation.session = this._make(conversation.panel, id, fresh);
    conversation.chosen = chosen;
    this.changed.emit();
  }

  // -------------------------------------------------------------- the socket

  private _connection(_: AgentRequests, open: boolean): void {
    if (open) {
      for (const session of this._sessions.values()) {
        session.subscribe();
      }
      for (const conversation of this._open.values()) {
        const { session, panel, chosen } = conversation;
        if (session.id === null && !chosen && panel.context.isReady) {
          void this._find(conversation);
        }
      }
    }
    this.changed.emit();
  }

  private _frame(_: AgentRequests, frame: Frame): void {
    if (frame.type === 'event') {
      this._sessions.get(frame.session)?.push(frame.event);
    } else if (frame.type === 'error' && frame.session !== null) {
      this._refused(frame.session, frame.error.code);
    }
  }

  /** The server ended a subscription: the session was deleted, or written elsewhere meanwhile. */
  private _refused(id: string, code: string): void {
    const session = this._sessions.get(id);
    if (code !== 'not_found') {
      window.setTimeout(() => session?.isDisposed || session?.subscribe(), RESUBSCRIBE);
      return;
    }
    for (const conversation of this._open.values()) {
      if (conversation.session === session) {
        this._replace(conversation, null, false);
        void this._find(conversation);
      }
    }
  }

  private readonly _open = new Map<Context, IConversation>();
  private readonly _sessions = new Map<string, AgentSession>();
  private _draft: IDraft | null = null;
  private _disposed = false;
}
