import { readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { apply, FOLDS } from '../reducer';
import { emptySession, openRequests, path, running } from '../state';
import type { IEvent, ISessionState } from '../tokens';

const FOLDER = resolve(__dirname, '../../../tests/events');
const EXAMPLES = readdirSync(FOLDER).filter(name => name.endsWith('.json'));

interface IExample {
  events: IEvent[];
  state: unknown;
}

const load = (name: string): IExample => JSON.parse(readFileSync(resolve(FOLDER, name), 'utf8'));

function fold(events: IEvent[], state = emptySession()): ISessionState {
  events.forEach(event => apply(state, event));
  return state;
}

/** As JSON: maps are dicts there. */
function plain(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (_, v) => (v instanceof Map ? Object.fromEntries(v) : v))
  );
}

describe('the fold', () => {
  it('has examples to be compared with', () => {
    expect(EXAMPLES.length).toBeGreaterThan(10);
  });

  it.each(EXAMPLES)('folds %s into the state that Python has', name => {
    const { events, state } = load(name);
    expect(plain(fold(events))).toEqual(state);
  });

  it.each(EXAMPLES)('keeps the order of turns and variables of %s', name => {
    const { events, state } = load(name);
    const { turns, variables } = state as { turns: object; variables: object };
    const folded = fold(events);
    expect([...folded.turns.keys()]).toEqual(Object.keys(turns));
    expect([...folded.variables.keys()]).toEqual(Object.keys(variables));
  });

  it('knows every durable event that the examples show', () => {
    const types = new Set(EXAMPLES.flatMap(name => load(name).events.map(event => event.type)));
    const unknown = load('unknown.json').events.map(event => event.type);
    for (const type of types) {
      if (!unknown.includes(type)) {
        expect(Object.keys(FOLDS)).toContain(type);
      }
    }
  });

  it('refuses a log with a gap', () => {
    const { events } = load('conversation.json');
    expect(() => fold(events.slice(1))).toThrow(RangeError);
    expect(() => fold([events[0], events[2]])).toThrow(RangeError);
  });

  it('replaces a turn that changes and keeps the others', () => {
    const { events } = load('conversation.json');
    const state = fold(events.slice(0, -1));
    const before = new Map(state.turns);
    apply(state, events[events.length - 1]);
    const touched = events[events.length - 1].turn_id;
    for (const [id, turn] of state.turns) {
      expect(turn === before.get(id)).toBe(id !== touched);
    }
  });

  it('is not fooled by names of Object.prototype', () => {
    const state = emptySession();
    const set = JSON.parse('{"__proto__": {"type": "int"}, "constructor": {"type": "str"}}');
    apply(state, { seq: 1, type: 'variables.read', time: 1, data: { set } });
    apply(state, { seq: 2, type: 'constructor', time: 2, data: {} });
    expect([...state.variables.keys()]).toEqual(['__proto__', 'constructor']);
    expect(state.seq).toBe(2);
  });

  it('counts only questions to a person as waiting', () => {
    const state = emptySession();
    const data = { query: 'q' };
    apply(state, { seq: 1, type: 'turn.started', time: 1, turn_id: 't', data });
    ['approval', 'edit', 'run', 'question'].forEach((kind, i) => {
      const opened = { request_id: `r${i}`, kind, call_id: `c${i}` };
      apply(state, { seq: i + 2, type: 'request.opened', time: 2, turn_id: 't', data: opened });
    });
    expect(openRequests(running(state)!).map(r => r.kind)).toEqual(['approval', 'question']);
    expect(path(state).map(turn => turn.turn_id)).toEqual(['t']);
  });
});
