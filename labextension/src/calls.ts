/** What is told of a tool call: its name in words, its code, its state. Pure. */
import type { TranslationBundle } from '@jupyterlab/translation';
import type { IRequest, IToolCall, IToolCallPart, ITurn, JsonObject } from './tokens';

export type CallStatus =
  'writing' | 'waiting' | 'running' | 'ok' | 'error' | 'denied' | 'interrupted';

/** Which argument holds code, and which says in short what the call is about. */
const CODE = new Map([
  ['run_code', 'code'],
  ['insert_cell', 'source'],
  ['edit_cell', 'source']
]);
const BRIEF = new Map([
  ['inspect_variable', 'name'],
  ['list_files', 'path'],
  ['read_file', 'path'],
  ['ask_user', 'question']
]);
const CELL = new Set(['run_cell', 'edit_cell', 'delete_cell']);

/** A call as it is drawn: also one whose arguments are still being checked. */
export function callOf(turn: ITurn, part: IToolCallPart): IToolCall {
  return (
    turn.calls.get(part.call_id) ?? {
      call_id: part.call_id,
      name: part.name,
      effect: '',
      arguments: parsed(part.arguments),
      state: 'called',
      status: null,
      started: null,
      ended: null,
      changes: []
    }
  );
}

export function statusOf(turn: ITurn, call: IToolCall, request: IRequest | null): CallStatus {
  if (call.state === 'completed') {
    return (call.status ?? 'ok') as CallStatus;
  }
  if (turn.status !== 'running') {
    return 'interrupted';
  }
  if (request !== null) {
    return 'waiting';
  }
  return call.state === 'started' ? 'running' : 'writing';
}

/** The request of a call that waits for a person. */
export function openRequest(turn: ITurn, callId: string): IRequest | null {
  for (const request of turn.requests.values()) {
    const asked = request.kind === 'approval' || request.kind === 'question';
    if (request.call_id === callId && request.answer === null && asked) {
      return request;
    }
  }
  return null;
}

export function titleOf(name: string, trans: TranslationBundle): string {
  const titles = {
    run_code: trans.__('Run code'),
    run_cell: trans.__('Run a cell'),
    insert_cell: trans.__('Insert a cell'),
    edit_cell: trans.__('Edit a cell'),
    delete_cell: trans.__('Delete a cell'),
    read_notebook: trans.__('Read the notebook'),
    list_variables: trans.__('Look at the variables'),
    inspect_variable: trans.__('Look at a variable'),
    list_files: trans.__('List files'),
    read_file: trans.__('Read a file'),
    read_output: trans.__('Read an output'),
    last_error: trans.__('Look at the last error'),
    ask_user: trans.__('A question to you')
  };
  return own(titles, name) ?? name;
}

export function statusText(status: CallStatus, trans: TranslationBundle): string {
  const texts: Record<CallStatus, string> = {
    writing: trans.__('Not started'),
    waiting: trans.__('Waiting for you'),
    running: trans.__('Running'),
    ok: trans.__('Done'),
    error: trans.__('Failed'),
    denied: trans.__('Denied'),
    interrupted: trans.__('Interrupted')
  };
  return own(texts, status) ?? status;
}

/** The name of the argument that holds code, and the code. */
export function codeOf(call: IToolCall): { name: string; code: string } | null {
  const name = CODE.get(call.name);
  const code = name === undefined ? undefined : call.arguments[name];
  return name !== undefined && typeof code === 'string' ? { name, code } : null;
}

export function briefOf(call: IToolCall): string {
  const value = call.arguments[BRIEF.get(call.name) ?? ''];
  return typeof value === 'string' ? value : '';
}

/** The cell that a call is about. */
export function cellOf(call: IToolCall): string | null {
  const id = call.arguments.cell_id;
  return CELL.has(call.name) && typeof id === 'string' ? id : null;
}

export function seconds(value: number, trans: TranslationBundle): string {
  if (value < 1) {
    return trans.__('%1 ms', Math.max(1, Math.round(value * 1000)));
  }
  if (value < 60) {
    return trans.__('%1 s', value < 10 ? value.toFixed(1) : Math.round(value));
  }
  return trans.__('%1 min %2 s', Math.floor(value / 60), Math.round(value % 60));
}

/** A model names its calls as it likes, also `__proto__`. */
function own(texts: Readonly<Record<string, string>>, name: string): string | undefined {
  return Object.prototype.hasOwnProperty.call(texts, name) ? texts[name] : undefined;
}

function parsed(text: string): JsonObject {
  try {
    const value = JSON.parse(text || '{}');
    return value !== null && typeof value === 'object' && !Array.isArray(value) ? value : {};
  } catch {
    return { arguments: text }; // not yet whole, or not valid: shown as it is
  }
}
