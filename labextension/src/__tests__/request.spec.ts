import { ServerConnection } from '@jupyterlab/services';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Frame } from '../request';
import { AgentError, AgentRequests } from '../request';
import { AgentSession } from '../session';
import type { IEvent } from '../tokens';

/** A socket whose other end is the test. */
class Wire {
  static made: Wire[] = [];
  onopen: (() => void) | null = null;
  onclose: (() => void) | null = null;
  onmessage: ((message: { data: string }) => void) | null = null;
  readonly sent: Record<string, unknown>[] = [];

  constructor(readonly url: string) {
    Wire.made.push(this);
  }

  send(text: string): void {
    this.sent.push(JSON.parse(text));
  }

  close(): void {
    this.onclose?.();
  }

  tell(frame: Frame): void {
    this.onmessage?.({ data: JSON.stringify(frame) });
  }

  event(event: Partial<IEvent>): void {
    const whole = { seq: 0, time: 1, data: {}, type: '', ...event };
    this.tell({ type: 'event', session: 's', event: whole });
  }
}

type Answer = { status: number; body?: unknown };

function connect(answer: (url: string, init: RequestInit) => Answer = () => ({ status: 404 })): {
  requests: AgentRequests;
  calls: [string, string, unknown][];
} {
  Wire.made = [];
  const calls: [string, string, unknown][] = [];
  const settings = ServerConnection.makeSettings({
    baseUrl: 'http://here/base/',
    wsUrl: 'ws://here/base/',
    token: 'a b',
    appendToken: true,
    WebSocket: Wire as unknown as typeof WebSocket,
    fetch: async (input: RequestInfo | URL) => {
      const request = input as Request;
      const text = await request.text();
      const body = text ? JSON.parse(text) : null;
      calls.push([
        request.method,
        request.url.replace('http://here/base/agent/', '').replace(/\?\d+$/, ''),
        body
      ]);
      const { status, body: said } = answer(request.url, { method: request.method });
      return new Response(said === undefined ? null : JSON.stringify(said), { status });
    }
  });
  const requests = new AgentRequests(settings);
  requests.connect();
  return { requests, calls };
}

afterEach(() => {
  vi.useRealTimers();
});

describe('the socket of the page', () => {
  it('says hello first, and its token only where it has to', () => {
    const { requests } = connect();
    const [wire] = Wire.made;
    expect(wire.url).toBe('ws://here/base/agent/ws?token=a%20b');
    expect(requests.connected).toBe(false);
    wire.onopen?.();
    expect(requests.connected).toBe(true);
    expect(wire.sent).toEqual([{ type: 'hello', client_id: requests.clientId }]);
  });

  it('comes back by itself, with the same name, and waits longer each time', () => {
    vi.useFakeTimers();
    const { requests } = connect();
    Wire.made[0].onopen?.();
    Wire.made[0].close();
    expect(requests.connected).toBe(false);
    vi.advanceTimersByTime(700);
    expect(Wire.made).toHaveLength(2);
    Wire.made[1].close();
    vi.advanceTimersByTime(700);
    expect(Wire.made).toHaveLength(2);
    vi.advanceTimersByTime(700);
    expect(Wire.made).toHaveLength(3);
    Wire.made[2].onopen?.();
    expect(Wire.made[2].sent).toEqual(Wire.made[0].sent);
    requests.dispose();
    Wire.made[2].close();
    vi.advanceTimersByTime(60_000);
    expect(Wire.made).toHaveLength(3);
  });
});

describe('a call', () => {
  it('encodes what it names', async () => {
    const { requests, calls } = connect(() => ({ status: 200, body: { done: true } }));
    await requests.interrupt('a/b ü');
    expect(calls).toEqual([['POST', 'sessions/a%2Fb%20%C3%BC/interrupt', {}]]);
  });

  it('fails with what the server explains', async () => {
    const body = { message: 'No.', code: 'conflict', hint: 'Wait.' };
    const { requests } = connect(() => ({ status: 409, body }));
    const error = await requests.compact('s').catch(e => e);
    expect(error).toBeInstanceOf(AgentError);
    expect(error).toMatchObject({ ...body, status: 409 });
  });

  it('fails in words where a proxy answered', async () => {
    const { requests } = connect(() => ({ status: 502 }));
    const error = await requests.models().catch(e => e);
    expect(error.message).toContain('502');
  });
});

describe('a session', () => {
  const place = { notebook: () => 'a.ipynb', kernelId: () => 'k' };

  function follow(answer?: (url: string) => Answer): {
    session: AgentSession;
    wire: Wire;
    calls: [string, string, unknown][];
  } {
    const { requests, calls } = connect(answer);
    Wire.made[0].onopen?.();
    const session = new AgentSession(requests, place, 's');
    requests.frames.connect((_, frame) => {
      if (frame.type === 'event') {
        session.push(frame.event);
      }
    });
    return { session, wire: Wire.made[0], calls };
  }

  it('subscribes after what it knows, and again where something is missing', () => {
    const { session, wire } = follow();
    expect(wire.sent.pop()).toEqual({ type: 'subscribe', session: 's', after: 0, batch: true });
    wire.event({ seq: 1, type: 'session.created', data: { session_id: 's' } });
    wire.event({ type: 'synced', data: { seq: 1 } });
    expect(session.synced).toBe(true);
    wire.event({ seq: 3, type: 'session.updated', data: { title: 'lost' } });
    expect(session.synced).toBe(false);
    expect(wire.sent.pop()).toEqual({ type: 'subscribe', session: 's', after: 1, batch: true });
    wire.event({ seq: 2, type: 'session.updated', data: { mode: 'auto' } });
    wire.event({ seq: 3, type: 'session.updated', data: { title: 'found' } });
    wire.event({ type: 'synced', data: { seq: 3 } });
    expect(session.state).toMatchObject({ title: 'found', mode: 'auto' });
  });

  it('takes a replay in bundles', () => {
    const { session, wire } = follow();
    const events = [
      { seq: 1, type: 'session.created', time: 1, data: { session_id: 's' } },
      { seq: 2, type: 'session.updated', time: 1, data: { title: 'both' } },
      { seq: 0, type: 'synced', time: 1, data: { seq: 2 } }
    ];
    wire.tell({ type: 'events', session: 's', events });
    expect(session.synced).toBe(true);
    expect(session.state.title).toBe('both');
  });

  it('shows a question at once and until the log has it', async () => {
    const { session, wire, calls } = follow(() => ({ status: 202, body: { turn_id: 't' } }));
    const asked = session.ask('Why?');
    const [{ turn_id }] = session.pending;
    await asked;
    expect(calls[0][2]).toMatchObject({ query: 'Why?', id: turn_id });
    wire.event({ seq: 1, type: 'session.created', data: { session_id: 's' } });
    wire.event({ seq: 2, type: 'turn.started', turn_id, data: { query: 'Why?' } });
    expect(session.pending).toEqual([]);
  });

  it('is opened once, however fast the first questions come, and a new one by its own name', async () => {
    const { requests, calls } = connect(() => ({ status: 200, body: { session_id: 'made' } }));
    const session = new AgentSession(requests, place, null, true);
    await Promise.all([session.ask('One'), session.ask('Two')]);
    const opened = calls.filter(([, path]) => path === 'sessions');
    expect(opened).toHaveLength(1);
    expect(opened[0][2]).toMatchObject({ notebook: 'a.ipynb', kernel_id: 'k' });
    expect((opened[0][2] as { session_id: string }).session_id).toMatch(/^[0-9a-f-]{36}$/);
    expect(calls.filter(([, path]) => path === 'sessions/made/turns')).toHaveLength(2);
  });

  it('keeps a question that was not taken, to be tried again with the same id', async () => {
    let status = 503;
    const { session, calls } = follow(() => ({ status, body: { message: 'Full.', turn_id: 't' } }));
    await session.ask('Why?');
    expect(session.pending[0].error).toContain('Full.');
    status = 202;
    await session.retry(session.pending[0].turn_id);
    expect(session.pending[0].error).toBeNull();
    expect((calls[0][2] as { id: string }).id).toBe((calls[1][2] as { id: string }).id);
    session.discard(session.pending[0].turn_id);
    expect(session.pending).toEqual([]);
  });
});
