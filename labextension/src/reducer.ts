/** State = fold(events): the twin of fold.py, pinned by tests/events/*.json. Pure. */
import { noUsage } from './state';
import type {
  IChange,
  IEvent,
  IMessage,
  ISessionState,
  ITurn,
  IUsage,
  Content,
  JsonObject,
  Part,
  Summary
} from './tokens';

type Data = Record<string, unknown>;
type Fold = (state: ISessionState, event: IEvent, data: Data) => void;

/**
 * Apply one durable event in place; types this version does not know are passed over.
 * A turn that changes is replaced by a new object, so that drawing can compare identities.
 * Throws where a number is missing: a log has no gaps.
 */
export function apply(state: ISessionState, event: IEvent): void {
  if (event.seq !== state.seq + 1) {
    throw new RangeError(`event ${event.seq} does not follow ${state.seq}`);
  }
  if (Object.prototype.hasOwnProperty.call(FOLDS, event.type)) {
    FOLDS[event.type](state, event, event.data ?? {});
  }
  state.seq = event.seq;
  if (!QUIET.has(event.type)) {
    state.last_activity = event.time;
  }
}

function created(s: ISessionState, e: IEvent, d: Data): void {
  s.session_id = d.session_id as string;
  s.owner = get(d, 'owner', '');
  s.root = get(d, 'root', '');
  s.notebook_id = get(d, 'notebook_id', '');
  s.notebook = get(d, 'notebook', null);
  s.kernel_id = get(d, 'kernel_id', null);
  s.epoch = get(d, 'epoch', null);
  s.title = get(d, 'title', '');
  s.model = get(d, 'model', '');
  s.mode = get(d, 'mode', 'ask');
  s.created = e.time;
}

function bound(s: ISessionState, _: IEvent, d: Data): void {
  if ('notebook' in d) {
    s.notebook = d.notebook as string | null;
    s.notebook_id = get(d, 'notebook_id', s.notebook || s.notebook_id);
  }
  const fresh =
    ('kernel_id' in d && d.kernel_id !== s.kernel_id) ||
    ('epoch' in d && s.epoch !== null && d.epoch !== s.epoch);
  s.kernel_id = get(d, 'kernel_id', s.kernel_id);
  s.epoch = get(d, 'epoch', fresh ? null : s.epoch);
  if (fresh) {
    s.lost = [...s.lost, ...[...s.variables.keys()].filter(n => !s.lost.includes(n))];
    s.variables = new Map();
    s.snapshot = {};
  }
}

function updated(s: ISessionState, _: IEvent, d: Data): void {
  s.title = get(d, 'title', s.title);
  s.model = get(d, 'model', s.model);
  s.mode = get(d, 'mode', s.mode);
  s.archived = get(d, 'archived', s.archived);
}

function queued(s: ISessionState, e: IEvent, d: Data): void {
  s.queue = [...s.queue, { turn_id: e.turn_id ?? '', data: d as { query: string } }];
}

function turnStarted(s: ISessionState, e: IEvent, d: Data): void {
  const turnId = e.turn_id ?? '';
  const query = d.query as string;
  s.queue = s.queue.filter(q => q.turn_id !== turnId);
  s.turns.set(turnId, {
    turn_id: turnId,
    parent: get(d, 'parent', null),
    query,
    surface: get(d, 'surface', 'rest'),
    model: get(d, 'model', s.model),
    mode: get(d, 'mode', s.mode),
    started: e.time,
    status: 'running',
    reason: '',
    ended: null,
    body_hash: get(d, 'body_hash', ''),
    steps: 0,
    retries: 0,
    resumed: 0,
    messages: [
      {
        message_id: turnId,
        role: 'user',
        parts: [{ type: 'text', text: query }, ...get<Part[]>(d, 'parts', [])]
      }
    ],
    calls: new Map(),
    requests: new Map(),
    changed: {},
    usage: noUsage()
  });
  s.head = turnId;
  s.redo = [];
  s.archived = false;
  if (!s.title) {
    s.title = [...query.trim().split('\n')[0]].slice(0, 80).join('');
  }
}

function turnResumed(s: ISessionState, e: IEvent): void {
  touch(s, e).resumed += 1;
}

function turnEnded(s: ISessionState, e: IEvent, d: Data): void {
  s.queue = s.queue.filter(q => q.turn_id !== e.turn_id);
  if (!s.turns.has(e.turn_id ?? '')) {
    return; // it was queued and never began
  }
  const turn = touch(s, e);
  turn.status = d.status as ITurn['status'];
  turn.reason = get(d, 'reason', '');
  turn.ended = e.time;
  for (const [id, request] of turn.requests) {
    if (request.answer === null) {
      const answer = { decision: 'deny', by: '', reason: 'the turn ended' };
      turn.requests.set(id, { ...request, answer });
    }
  }
}

function variablesRead(s: ISessionState, e: IEvent, d: Data): void {
  if (d.reset) {
    s.variables = new Map();
  }
  for (const name of get<string[]>(d, 'gone', [])) {
    s.variables.delete(name);
  }
  for (const [name, summary] of Object.entries(get<Record<string, Summary>>(d, 'set', {}))) {
    s.variables.delete(name); // a name set again moves to the end
    s.variables.set(name, summary);
  }
  s.snapshot = get<JsonObject>(d, 'stamp', {});
  s.lost = [];
  s.epoch = (s.snapshot.epoch as string | null) || s.epoch;
  if (s.turns.has(e.turn_id ?? '')) {
    const turn = touch(s, e);
    if (Object.keys(turn.changed).length === 0) {
      turn.changed = get(d, 'changed', {});
    }
  }
}

function notebookRead(s: ISessionState, _: IEvent, d: Data): void {
  s.cells = new Map(s.cells);
  get<string[]>(d, 'gone', []).forEach(id => s.cells.delete(id));
  for (const [id, hash] of Object.entries(get<Record<string, string>>(d, 'set', {}))) {
    s.cells.set(id, hash);
  }
}

function messageCompleted(s: ISessionState, e: IEvent, d: Data): void {
  const turn = touch(s, e);
  say(turn, d.message_id as string, d.role as IMessage['role'], d.parts as Part[]);
  if (d.role === 'assistant') {
    turn.steps += 1;
  }
  if (d.usage) {
    turn.usage = sum(turn.usage, d.usage as Partial<IUsage>);
    s.usage = sum(s.usage, d.usage as Partial<IUsage>);
  }
}

function toolCalled(s: ISessionState, e: IEvent, d: Data): void {
  call(touch(s, e), d, d.effect as string, get(d, 'arguments', {}));
}

function toolStarted(s: ISessionState, e: IEvent, d: Data): void {
  const calls = touch(s, e).calls;
  const known = must(calls.get(d.call_id as string));
  calls.set(known.call_id, { ...known, state: 'started', started: e.time });
}

function toolCompleted(s: ISessionState, e: IEvent, d: Data): void {
  const turn = touch(s, e);
  const callId = d.call_id as string;
  if (!turn.calls.has(callId)) {
    call(turn, d, 'read', {}); // a call that could not be understood was never `tool.called`
  }
  turn.calls.set(callId, {
    ...must(turn.calls.get(callId)),
    state: 'completed',
    status: d.status as string,
    ended: e.time,
    changes: get<IChange[]>(d, 'changes', [])
  });
  for (const change of get<IChange[]>(d, 'changes', [])) {
    if (change.kind === 'cell' && change.path === s.notebook) {
      cellChanged(s, change);
    }
  }
  say(turn, callId, 'tool', [
    {
      type: 'tool_result',
      call_id: callId,
      name: d.name as string,
      status: d.status as string,
      content: get<Content[]>(d, 'content', [])
    }
  ]);
}

/** What the agent itself made of a cell it need not be told of. */
function cellChanged(s: ISessionState, change: IChange): void {
  s.cells = new Map(s.cells);
  if (typeof change.hash === 'string') {
    s.cells.set(change.cell_id as string, change.hash);
  } else {
    s.cells.delete(change.cell_id as string);
  }
}

function requestOpened(s: ISessionState, e: IEvent, d: Data): void {
  const turn = touch(s, e);
  turn.requests.set(d.request_id as string, {
    request_id: d.request_id as string,
    turn_id: turn.turn_id,
    kind: d.kind as string,
    call_id: d.call_id as string,
    args_hash: get(d, 'args_hash', ''),
    payload: get(d, 'payload', {}),
    answer: null,
    lease: null
  });
}

function requestLeased(s: ISessionState, e: IEvent, d: Data): void {
  const turn = touch(s, e);
  const { request_id, ...lease } = d;
  const request = must(turn.requests.get(request_id as string));
  const former = e.type === 'request.started' ? request.lease : null;
  turn.requests.set(request.request_id, {
    ...request,
    lease: { ...former, ...(lease as JsonObject) }
  });
}

function requestAnswered(s: ISessionState, e: IEvent, d: Data): void {
  const turn = touch(s, e);
  const { request_id, ...answer } = d;
  const request = must(turn.requests.get(request_id as string));
  turn.requests.set(request.request_id, { ...request, answer: answer as JsonObject });
  const known = turn.calls.get(request.call_id);
  if (known && 'arguments' in d) {
    turn.calls.set(known.call_id, { ...known, arguments: d.arguments as JsonObject });
  }
  if (truthy(d.rule)) {
    s.rules = [...s.rules, d.rule as JsonObject];
  }
}

function retryScheduled(s: ISessionState, e: IEvent): void {
  touch(s, e).retries += 1;
}

function contextCompacted(s: ISessionState, e: IEvent, d: Data): void {
  s.compactions = [...s.compactions, { turn_id: e.turn_id ?? null, ...(d as JsonObject) }];
  if (d.usage) {
    s.usage = sum(s.usage, d.usage as Partial<IUsage>);
    if (s.turns.has(e.turn_id ?? '')) {
      const turn = touch(s, e);
      turn.usage = sum(turn.usage, d.usage as Partial<IUsage>);
    }
  }
}

function headMoved(s: ISessionState, _: IEvent, d: Data): void {
  if (d.reason === 'undo' && s.head !== null) {
    s.redo = [...s.redo, s.head];
  } else if (d.reason === 'redo' && s.redo.length > 0) {
    s.redo = s.redo.slice(0, -1);
  } else {
    s.redo = []; // another branch: what was undone here cannot be redone there
  }
  s.head = d.head as string | null;
}

const QUIET = new Set(['session.bound', 'session.updated']);

export const FOLDS: Readonly<Record<string, Fold>> = {
  'session.created': created,
  'session.bound': bound,
  'session.updated': updated,
  'turn.queued': queued,
  'turn.started': turnStarted,
  'turn.resumed': turnResumed,
  'turn.ended': turnEnded,
  'variables.read': variablesRead,
  'notebook.read': notebookRead,
  'message.completed': messageCompleted,
  'tool.called': toolCalled,
  'tool.started': toolStarted,
  'tool.completed': toolCompleted,
  'request.opened': requestOpened,
  'request.leased': requestLeased,
  'request.started': requestLeased,
  'request.answered': requestAnswered,
  'retry.scheduled': retryScheduled,
  'context.compacted': contextCompacted,
  'head.moved': headMoved
};

// ---------------------------------------------------------------- small helpers

function get<T>(data: Data, name: string, otherwise: T): T {
  return name in data ? (data[name] as T) : otherwise;
}

function must<T>(value: T | undefined): T {
  if (value === undefined) {
    throw new RangeError('the log names what it never told of');
  }
  return value;
}

function truthy(value: unknown): boolean {
  return Boolean(value) && Object.keys(value as object).length > 0;
}

/** Replace the event's turn by a copy that may be changed. */
function touch(s: ISessionState, e: IEvent): ITurn {
  const turn = must(s.turns.get(e.turn_id ?? ''));
  const copy = { ...turn, calls: new Map(turn.calls), requests: new Map(turn.requests) };
  s.turns.set(turn.turn_id, copy);
  return copy;
}

function say(turn: ITurn, id: string, role: IMessage['role'], parts: Part[]): void {
  turn.messages = [...turn.messages, { message_id: id, role, parts: [...parts] }];
}

function call(turn: ITurn, d: Data, effect: string, args: JsonObject): void {
  turn.calls.set(d.call_id as string, {
    call_id: d.call_id as string,
    name: d.name as string,
    effect,
    arguments: args,
    state: 'called',
    status: null,
    started: null,
    ended: null,
    changes: []
  });
}

function sum(a: IUsage, b: Partial<IUsage>): IUsage {
  return {
    input_tokens: a.input_tokens + (b.input_tokens ?? 0),
    output_tokens: a.output_tokens + (b.output_tokens ?? 0),
    cached_tokens: a.cached_tokens + (b.cached_tokens ?? 0),
    reasoning_tokens: a.reasoning_tokens + (b.reasoning_tokens ?? 0),
    cost: b.cost === null || b.cost === undefined ? a.cost : (a.cost ?? 0) + b.cost
  };
}
