import { describe, expect, it } from 'vitest';
import { SessionStream } from '../stream';
import type { IEvent } from '../tokens';

const durable = (seq: number, type: string, data: object = {}, turn_id = 't1'): IEvent => ({
  seq,
  type,
  time: seq,
  turn_id,
  data: data as IEvent['data']
});
const live = (type: string, data: object): IEvent => durable(0, type, data);
const delta = (offset: number, text: string, message_id = 'm1'): IEvent =>
  live('message.delta', { message_id, offset, text });

function begun(): SessionStream {
  const stream = new SessionStream();
  stream.push(durable(1, 'session.created', { session_id: 's' }));
  stream.push(durable(2, 'turn.started', { query: 'q' }));
  stream.push(live('synced', { seq: 2 }));
  return stream;
}

describe('the stream of a session', () => {
  it('is synced after the replay', () => {
    expect(new SessionStream().synced).toBe(false);
    expect(begun().synced).toBe(true);
  });

  it('collects deltas until the message is complete', () => {
    const stream = begun();
    stream.push(delta(0, 'Hel'));
    stream.push(delta(3, 'lo'));
    stream.push(live('reasoning.delta', { message_id: 'm1', offset: 0, text: 'hm' }));
    expect(stream.partials.get('m1')).toEqual({ turn_id: 't1', text: 'Hello', reasoning: 'hm' });
    const parts = [{ type: 'text', text: 'Hello' }];
    stream.push(durable(3, 'message.completed', { message_id: 'm1', role: 'assistant', parts }));
    expect(stream.partials.size).toBe(0);
  });

  it('counts offsets in code points, as the server does', () => {
    const stream = begun();
    stream.push(delta(0, '😀é'));
    expect(stream.push(delta(2, '!'))).toBe('ok');
    expect(stream.partials.get('m1')?.text).toBe('😀é!');
  });

  it('takes what overlaps once, and nothing after a hole', () => {
    const stream = begun();
    stream.push(live('message.partial', { message_id: 'm1', text: 'Hello', reasoning: '' }));
    stream.push(delta(3, 'lo you'));
    expect(stream.partials.get('m1')?.text).toBe('Hello you');
    expect(stream.push(delta(20, 'lost'))).toBe('ignored');
    expect(stream.partials.get('m1')?.text).toBe('Hello you');
  });

  it('asks for what is missing, and ignores what it has', () => {
    const stream = begun();
    expect(stream.push(durable(5, 'turn.ended', { status: 'completed' }))).toBe('gap');
    expect(stream.state.seq).toBe(2);
    expect(stream.push(durable(2, 'turn.started', { query: 'q' }))).toBe('ignored');
  });

  it('goes on after a cut where it was', () => {
    const stream = begun();
    stream.push(delta(0, 'Hel'));
    stream.cut();
    expect(stream.synced).toBe(false);
    stream.push(live('synced', { seq: 2 }));
    stream.push(live('message.partial', { message_id: 'm1', text: 'Hello', reasoning: '' }));
    expect(stream.partials.get('m1')?.text).toBe('Hello');
    expect(stream.push(durable(3, 'turn.ended', { status: 'interrupted' }))).toBe('ok');
    expect(stream.partials.size).toBe(0);
  });

  it('is not synced between resync and the next synced', () => {
    const stream = begun();
    stream.push(live('resync', { seq: 2 }));
    expect(stream.synced).toBe(false);
    stream.push(durable(3, 'turn.ended', { status: 'completed' }));
    stream.push(live('synced', { seq: 3 }));
    expect(stream.synced).toBe(true);
    expect(stream.state.turns.get('t1')?.status).toBe('completed');
  });

  it('joins the pieces of one output stream and keeps the kinds apart', () => {
    const stream = begun();
    const out = (name: string, text: string): IEvent =>
      live('tool.output', { call_id: 'c', output: { output_type: 'stream', name, text } });
    ['a', 'b'].forEach(text => stream.push(out('stdout', text)));
    stream.push(out('stderr', 'c'));
    expect(stream.outputs.get('c')?.map(o => o.text)).toEqual(['ab', 'c']);
  });

  it('keeps live outputs until the next turn begins', () => {
    const stream = begun();
    const output = { output_type: 'stream', name: 'stdout', text: 'a' };
    stream.push(live('tool.output', { call_id: 'c', output }));
    stream.push(durable(3, 'turn.ended', { status: 'completed' }));
    expect(stream.outputs.size).toBe(1);
    stream.push(durable(4, 'turn.started', { query: 'q' }, 't2'));
    expect(stream.outputs.size).toBe(0);
  });

  it('keeps the newest live outputs within its bounds', () => {
    const stream = begun();
    const put = (call_id: string, text: string): void => {
      const output = { output_type: 'display_data', metadata: {}, data: { 'text/html': text } };
      stream.push(live('tool.output', { call_id, output }));
    };
    for (let i = 0; i < 10; i++) {
      put(`c${i}`, 'x'.repeat(4_000_000));
    }
    expect([...stream.outputs.keys()]).toEqual(['c7', 'c8', 'c9']);
    put('huge', 'x'.repeat(17_000_000));
    expect(stream.outputs.size).toBe(0);
    put('small', 'x');
    expect([...stream.outputs.keys()]).toEqual(['small']);
  });
});
