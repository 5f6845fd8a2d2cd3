import { YNotebook } from '@jupyter/ydoc';
import type { INotebookContent } from '@jupyterlab/nbformat';
import type { INotebookTracker } from '@jupyterlab/notebook';
import { ServerConnection } from '@jupyterlab/services';
import { Signal } from '@lumino/signaling';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { AgentPage } from '../page';
import type { Frame } from '../request';
import { AgentRequests } from '../request';
import { sourceHash } from '../sha256';
import type { IEvent, JsonObject } from '../tokens';

/** A socket whose other end is the test. */
class Wire {
  static last: Wire;
  onopen: (() => void) | null = null;
  onmessage: ((message: { data: string }) => void) | null = null;

  constructor() {
    Wire.last = this;
  }

  send(): void {}
  close(): void {}

  tell(frame: Frame): void {
    this.onmessage?.({ data: JSON.stringify(frame) });
  }
}

/** An open notebook with one cell `a = 1`, as far as a page looks at it. */
function trackerOf(shared: YNotebook): INotebookTracker {
  const signal = new Signal<unknown, unknown>({});
  const panel = {
    isDisposed: false,
    disposed: signal,
    model: { sharedModel: shared },
    context: { path: 'a.ipynb', isReady: true, model: {}, pathChanged: signal },
    content: { widgets: [], activeCell: null, activeCellIndex: 0, node: { scrollTop: 0 } },
    sessionContext: { kernelChanged: signal, session: { kernel: { id: 'k' } } }
  };
  return {
    currentWidget: panel,
    widgetAdded: signal,
    currentChanged: signal,
    activeCellChanged: signal,
    forEach: (f: (p: unknown) => void) => f(panel)
  } as unknown as INotebookTracker;
}

type Said = { decision: string; error?: { code: string } };

/** A page that answers to a server: `answer` gets each POST and returns its status. */
function open(answer: (said: Said, source: string) => number): {
  said: Said[];
  source: () => string;
  lease: (kind: string, payload: JsonObject, client?: string) => void;
  event: (type: string, data: JsonObject) => void;
} {
  const cell = { cell_type: 'code', id: 'c1', source: 'a = 1', metadata: {}, outputs: [] };
  const data = { cells: [cell] } as unknown as INotebookContent;
  const shared = YNotebook.create({ disableDocumentWideUndoRedo: true, data });
  const source = (): string => shared.cells[0].getSource();
  const said: Said[] = [];
  const settings = ServerConnection.makeSettings({
    baseUrl: 'http://here/',
    wsUrl: 'ws://here/',
    WebSocket: Wire as unknown as typeof WebSocket,
    fetch: async (input: RequestInfo | URL) => {
      said.push(JSON.parse(await (input as Request).text()));
      const status = answer(said[said.length - 1], source());
      return new Response(JSON.stringify({ message: '' }), { status });
    }
  });
  const requests = new AgentRequests(settings);
  requests.connect();
  Wire.last.onopen?.();
  pages.push(new AgentPage(requests, trackerOf(shared)));
  const event = (type: string, content: JsonObject): void =>
    Wire.last.tell({
      type: 'event',
      session: 's',
      event: { seq: 1, time: 1, turn_id: 't', type, data: content } as IEvent
    });
  const lease = (kind: string, payload: JsonObject, client_id = requests.clientId): void => {
    event('request.opened', { request_id: 'r', kind, payload: { path: 'a.ipynb', ...payload } });
    event('request.leased', { request_id: 'r', client_id, seconds: 10 });
  };
  return { said, source, lease, event };
}

const pages: AgentPage[] = [];
const replace: JsonObject = {
  operations: [{ op: 'replace', cell_id: 'c1', expected: sourceHash('a = 1'), source: 'a = 2' }]
};
const settle = (): Promise<void> => new Promise(resolve => setTimeout(resolve, 100));

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  pages.splice(0).forEach(page => page.dispose());
});

describe('the page', () => {
  it('claims an edit before it makes it', async () => {
    const at: string[] = [];
    const { said, source, lease } = open((_, now) => at.push(now) && 200);
    lease('edit', replace);
    await vi.waitFor(() => expect(said.map(s => s.decision)).toEqual(['started', 'done']));
    expect(at).toEqual(['a = 1', 'a = 2']);
    expect(source()).toBe('a = 2');
  });

  it.each(['edit', 'run'])(
    'does nothing, and says nothing, where a claim of %s is late',
    async kind => {
      vi.spyOn(console, 'warn').mockImplementation(() => undefined);
      const { said, source, lease } = open(() => 409);
      lease(kind, { ...replace, cell_id: 'c1', expected: sourceHash('a = 1') });
      await vi.waitFor(() => expect(said).toHaveLength(1));
      await settle();
      expect(said.map(s => s.decision)).toEqual(['started']);
      expect(source()).toBe('a = 1');
    }
  );

  it('claims again when it slept after the claim', async () => {
    vi.spyOn(console, 'warn').mockImplementation(() => undefined);
    vi.useFakeTimers({ toFake: ['Date'] });
    let answers = 0;
    const { said, source, lease } = open(() => {
      vi.setSystemTime(Date.now() + 3_600_000);
      return ++answers === 1 ? 200 : 409;
    });
    lease('edit', replace);
    await vi.waitFor(() => expect(said).toHaveLength(2));
    await settle();
    expect(said.map(s => s.decision)).toEqual(['started', 'started']);
    expect(source()).toBe('a = 1');
  });

  it('leaves alone what was settled while it claimed', async () => {
    const page = open(() => {
      page.event('request.answered', { request_id: 'r', decision: 'lapsed' });
      return 200;
    });
    page.lease('edit', replace);
    await vi.waitFor(() => expect(page.said).toHaveLength(1));
    await settle();
    expect(page.said).toHaveLength(1);
    expect(page.source()).toBe('a = 1');
  });

  it('leaves to the others what is leased to them', async () => {
    const { said, lease } = open(() => 200);
    lease('edit', replace, 'another-page');
    await settle();
    expect(said).toEqual([]);
  });

  it('runs nothing in another kernel than the agent’s', async () => {
    const { said, lease } = open(() => 200);
    lease('run', { cell_id: 'c1', expected: sourceHash('a = 1'), kernel_id: 'other' });
    await vi.waitFor(() => expect(said).toHaveLength(2));
    expect(said.map(s => s.decision)).toEqual(['started', 'failed']);
    expect(said[1].error?.code).toBe('kernel');
  });
});
