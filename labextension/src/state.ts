/** What can be read off a session's state. Pure. */
import type { IRequest, ISessionState, ITurn, IUsage } from './tokens';

/** A session before its first event. */
export function emptySession(): ISessionState {
  return {
    seq: 0,
    session_id: '',
    owner: '',
    root: '',
    notebook_id: '',
    notebook: null,
    kernel_id: null,
    epoch: null,
    title: '',
    model: '',
    mode: 'ask',
    created: 0,
    last_activity: 0,
    archived: false,
    head: null,
    turns: new Map(),
    queue: [],
    redo: [],
    rules: [],
    compactions: [],
    variables: new Map(),
    snapshot: {},
    lost: [],
    cells: new Map(),
    usage: noUsage()
  };
}

/** The turns from the first to the head. */
export function path(state: ISessionState): ITurn[] {
  const turns: ITurn[] = [];
  let at = state.head;
  while (at !== null) {
    const turn = state.turns.get(at);
    if (!turn) {
      break;
    }
    turns.push(turn);
    at = turn.parent;
  }
  return turns.reverse();
}

/** The turn that has not ended, running or paused. */
export function running(state: ISessionState): ITurn | null {
  const turn = state.head === null ? undefined : state.turns.get(state.head);
  return turn?.status === 'running' ? turn : null;
}

/** The requests of a turn that wait for a person. */
export function openRequests(turn: ITurn): IRequest[] {
  return [...turn.requests.values()].filter(
    r => r.answer === null && (r.kind === 'approval' || r.kind === 'question')
  );
}

export function noUsage(): IUsage {
  return {
    input_tokens: 0,
    output_tokens: 0,
    cached_tokens: 0,
    reasoning_tokens: 0,
    cost: null
  };
}
