/** The words of the panel: what its parts tell each other. The bottom: imports nothing local. */
import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import type { IOutput } from '@jupyterlab/nbformat';
import { Token } from '@lumino/coreutils';
import type { IDisposable } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';
import type { ComponentType } from 'react';

// ---------------------------------------------------------------- JSON

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

// ---------------------------------------------------------------- the log (docs/events.md)

/** One entry of a session's log, as it comes over the wire; `seq` is 0 where it is not stored. */
export interface IEvent {
  seq: number;
  type: string;
  time: number;
  turn_id?: string;
  data: Record<string, unknown>;
}

export interface ITextPart {
  type: 'text';
  text: string;
  blob?: string;
  size?: number;
}

export interface IReasoningPart {
  type: 'reasoning';
  text: string;
}

export interface IToolCallPart {
  type: 'tool_call';
  call_id: string;
  name: string;
  arguments: string;
}

export interface IImagePart {
  type: 'image';
  mime: string;
  blob: string;
  size?: number;
}

export type Content = ITextPart | IImagePart;

export interface IToolResultPart {
  type: 'tool_result';
  call_id: string;
  name: string;
  status: string;
  content: Content[];
}

export type Part = ITextPart | IReasoningPart | IToolCallPart | IImagePart | IToolResultPart;

export interface IMessage {
  message_id: string;
  role: 'user' | 'assistant' | 'tool';
  parts: Part[];
}

/** Tokens, and US dollars where a price is known. */
export interface IUsage {
  input_tokens: number;
  output_tokens: number;
  cached_tokens: number;
  reasoning_tokens: number;
  cost: number | null;
}

/** A cell as it was on one side of a change; null where it did not exist. */
export type CellImage = { index: number; cell: JsonObject } | null;

/** What a tool changed: `kind` is "cell" for cells. */
export interface IChange {
  kind?: string;
  path?: string;
  cell_id?: string;
  hash?: string | null;
  before?: CellImage;
  after?: CellImage;
}

export interface IToolCall {
  call_id: string;
  name: string;
  effect: string;
  arguments: JsonObject;
  state: 'called' | 'started' | 'completed';
  status: string | null;
  started: number | null;
  ended: number | null;
  changes: IChange[];
}

/** A question to a person (approval, question) or to an attached page (edit, run). */
export interface IRequest {
  request_id: string;
  turn_id: string;
  kind: string;
  call_id: string;
  args_hash: string;
  payload: JsonObject;
  answer: JsonObject | null;
  /** Which page carries out an edit or a run. */
  lease: JsonObject | null;
}

export interface ITurn {
  turn_id: string;
  parent: string | null;
  query: string;
  surface: string;
  model: string;
  mode: string;
  started: number;
  status: 'running' | 'completed' | 'failed' | 'interrupted' | 'limit';
  reason: string;
  ended: number | null;
  body_hash: string;
  steps: number;
  retries: number;
  resumed: number;
  messages: IMessage[];
  calls: Map<string, IToolCall>;
  requests: Map<string, IRequest>;
  changed: Record<string, string[]>;
  usage: IUsage;
}

export interface IQueuedTurn {
  turn_id: string;
  data: { query: string };
}

/** A variable's summary, as docs/variables.md describes it. */
export type Summary = JsonObject & { type?: string };

/** A session: the fold of its log. The twin of `Session` in fold.py, with maps for dicts. */
export interface ISessionState {
  seq: number;
  session_id: string;
  owner: string;
  root: string;
  notebook_id: string;
  notebook: string | null;
  kernel_id: string | null;
  epoch: string | null;
  title: string;
  model: string;
  mode: string;
  created: number;
  last_activity: number;
  archived: boolean;
  head: string | null;
  turns: Map<string, ITurn>;
  queue: IQueuedTurn[];
  redo: string[];
  rules: JsonObject[];
  compactions: JsonObject[];
  variables: Map<string, Summary>;
  snapshot: JsonObject;
  lost: string[];
  /** The hash of each cell's source as the agent knows it. */
  cells: Map<string, string>;
  usage: IUsage;
}

/** The text so far of a message that is being written. */
export interface IPartial {
  turn_id: string;
  text: string;
  reasoning: string;
}

// ---------------------------------------------------------------- REST

export type Mode = 'read-only' | 'ask' | 'auto';

export interface IModelLine {
  name: string;
  provider: string;
  local: boolean;
  ready: boolean;
  description: string;
  context_window: number | null;
  images: boolean;
}

export interface IModelList {
  default: string;
  models: IModelLine[];
  keys: string[];
}

export interface ISessionLine {
  session_id: string;
  title: string;
  notebook_id: string;
  kernel_id: string | null;
  status: string;
  archived: boolean;
  turn_count: number;
  created: string;
  last_activity: string;
}

/** The live variables of a kernel; `age` in seconds. */
export interface IVariables {
  kernel_id: string;
  epoch: string | null;
  execution_count: number;
  source: string;
  state: string;
  age: number;
  total: number;
  skipped: number;
  note: string;
  variables: Record<string, Summary>;
}

/** A file given with a question. */
export interface IAttachment {
  type: 'image' | 'text';
  name: string;
  mime?: string;
  data?: string;
  text?: string;
}

/** The answer to an approval or a question. */
export interface IAnswer {
  decision: 'approve' | 'always' | 'deny' | 'answer';
  args_hash?: string;
  arguments?: JsonObject;
  answer?: string;
  reason?: string;
}

// ---------------------------------------------------------------- what components get

/** A question on its way to the server. */
export interface IPending {
  turn_id: string;
  query: string;
  error: string | null;
}

/** One conversation, as a component sees it. `changed` comes at most once a frame. */
export interface IAgentSession {
  readonly changed: ISignal<IAgentSession, void>;
  readonly state: ISessionState;
  readonly synced: boolean;
  readonly pending: readonly IPending[];
  readonly error: string | null;
  /** The turns from the first to the head. */
  path(): ITurn[];
  /** The turn that has not ended. */
  running(): ITurn | null;
  partialsOf(turnId: string): [string, IPartial][];
  /** What a call has put out so far, if this page saw it. */
  outputs(callId: string): readonly IOutput[];
  blob(digest: string): Promise<Blob>;
  ask(query: string, attachments?: IAttachment[]): Promise<void>;
  retry(turnId: string): Promise<void>;
  discard(turnId: string): void;
  interrupt(): Promise<void>;
  answer(requestId: string, answer: IAnswer): Promise<void>;
  rename(title: string): Promise<void>;
  setModel(model: string): Promise<void>;
  setMode(mode: Mode): Promise<void>;
  compact(): Promise<boolean>;
}

/** What the kernel of the followed notebook holds. */
export interface ILiveVariables {
  readonly changed: ISignal<ILiveVariables, void>;
  readonly reading: IVariables | null;
  /** When the reading was made, in milliseconds since 1970. */
  readonly readAt: number;
  readonly busy: boolean;
  readonly error: string | null;
  readonly kernelId: string | null;
  watch(): IDisposable;
  refresh(): Promise<void>;
}

/** A cell of the followed notebook. */
export interface INotebookCell {
  id: string;
  index: number;
  type: string;
  source: string;
}

/** Cells of the followed notebook, and what can be done with code there. */
export interface INotebookBridge {
  readonly changed: ISignal<INotebookBridge, void>;
  readonly path: string | null;
  readonly language: string;
  cells(): INotebookCell[];
  /** The last cell with an error among its outputs. */
  failedCell(): INotebookCell | null;
  /** A cell's place, -1 where there is none of that id. */
  indexOf(cellId: string): number;
  source(cellId: string): string | null;
  reveal(cellId: string): void;
  insertBelow(source: string): void;
  replaceActive(source: string): void;
  run(source: string): Promise<void>;
  undoEdit(): boolean;
}

/** What the composer should hold next: from a button in the notebook, a clicked variable. */
export interface IDraft {
  text: string;
  send: boolean;
}

/** The conversations of this page; the panel draws `current`. */
export interface IAgentSessions {
  readonly changed: ISignal<IAgentSessions, void>;
  /** There is a draft to take. */
  readonly drafted: ISignal<IAgentSessions, void>;
  readonly current: IAgentSession | null;
  /** Names what `current` is of: a half-written question stays with it. Empty without one. */
  readonly conversation: string;
  readonly connected: boolean;
  readonly models: IModelList | null;
  readonly variables: ILiveVariables;
  readonly notebook: INotebookBridge;
  /** Put text into the composer, or ask it at once. */
  draft(draft: IDraft): void;
  takeDraft(): IDraft | null;
  list(query: string): Promise<ISessionLine[]>;
  choose(sessionId: string): void;
  /** Begin a conversation beside those that the notebook has; it exists with its first turn. */
  startNew(): void;
  remove(sessionId: string): Promise<void>;
  renameOther(sessionId: string, title: string): Promise<void>;
  files(prefix: string): Promise<string[]>;
  refreshModels(): Promise<void>;
  setKey(provider: string, key: string): Promise<void>;
  deleteKey(provider: string): Promise<void>;
}

export const IAgentSessions = new Token<IAgentSessions>(
  'jupyter-agent-ext:IAgentSessions',
  'The conversations with the agent: the one of the active notebook, and the means to change it.'
);

/** What the renderer of a tool call gets. */
export interface ICallProps {
  call: IToolCall;
  content: readonly Content[];
  outputs: readonly IOutput[];
  rendermime: IRenderMimeRegistry;
}

/** Bodies of tool cards by tool name, open to other extensions. */
export interface IPartRenderers {
  add(tool: string, component: ComponentType<ICallProps>): IDisposable;
  get(tool: string): ComponentType<ICallProps> | undefined;
}

export const IPartRenderers = new Token<IPartRenderers>(
  'jupyter-agent-ext:IPartRenderers',
  'How tool calls are shown: a component by the name of the tool.'
);

export const CommandIDs = {
  open: 'jupyter-agent-ext:open',
  newSession: 'jupyter-agent-ext:new-session',
  stop: 'jupyter-agent-ext:stop',
  fix: 'jupyter-agent-ext:fix-error',
  explain: 'jupyter-agent-ext:explain-cell',
  ask: 'jupyter-agent-ext:ask-about-cell',
  undoEdit: 'jupyter-agent-ext:undo-last-edit'
} as const;
