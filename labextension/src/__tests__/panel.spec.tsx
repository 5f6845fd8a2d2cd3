import { RenderMimeRegistry, standardRendererFactories } from '@jupyterlab/rendermime';
import { nullTranslator } from '@jupyterlab/translation';
import { DisposableDelegate } from '@lumino/disposable';
import { Signal } from '@lumino/signaling';
import { act, cleanup, fireEvent, render, screen } from '@testing-library/react';
import React from 'react';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Panel } from '../components/panel';
import { PartRenderers } from '../plugins/renderers';
import { apply } from '../reducer';
import { emptySession, path, running } from '../state';
import type { IAgentSession, IAgentSessions, IAnswer, IEvent } from '../tokens';

afterEach(() => {
  cleanup();
  vi.restoreAllMocks();
});

/** A conversation that is a list of events, and what was done with it. */
function show(...events: Partial<IEvent>[]): {
  done: [string, ...unknown[]][];
  push: (event: Partial<IEvent>) => void;
  renderers: PartRenderers;
  sessions: IAgentSessions;
  /** Follow the conversation of that name. */
  follow: (conversation: string) => void;
} {
  const done: [string, ...unknown[]][] = [];
  const state = emptySession();
  const add = (event: Partial<IEvent>): void =>
    apply(state, { seq: state.seq + 1, time: 1, type: '', data: {}, turn_id: 't', ...event });
  add({ type: 'session.created', data: { session_id: 's', model: 'embedded' } });
  events.forEach(add);
  const session = {
    state,
    synced: true,
    pending: [],
    error: null,
    path: () => path(state),
    running: () => running(state),
    partialsOf: () => [],
    outputs: () => [],
    ask: async (query: string) => void done.push(['ask', query]),
    interrupt: async () => void done.push(['interrupt']),
    answer: async (id: string, answer: IAnswer) => void done.push(['answer', id, answer]),
    setMode: async (mode: string) => void done.push(['setMode', mode]),
    rename: async (title: string) => void done.push(['rename', title])
  } as unknown as IAgentSession;
  const signal = new Signal<IAgentSession, void>(session);
  Object.assign(session, { changed: signal });
  const none = new Signal<unknown, void>({});
  const followed = new Signal<unknown, void>({});
  const sessions = {
    changed: followed,
    drafted: none,
    current: session,
    conversation: 'one',
    connected: true,
    models: { default: 'embedded', models: [], keys: [] },
    variables: {
      changed: none,
      reading: { total: 1, variables: { df: { type: 'DataFrame', shape: [3, 2] } } },
      readAt: Date.now(),
      busy: true,
      kernelId: 'k',
      watch: () => new DisposableDelegate(() => undefined)
    },
    notebook: {
      changed: none,
      path: 'a.ipynb',
      language: 'text/x-python',
      cells: () => [],
      failedCell: () => null,
      indexOf: () => -1,
      source: () => 'the_page_has_this()'
    },
    takeDraft: () => null,
    files: async () => [],
    startNew: () => void done.push(['startNew'])
  } as unknown as IAgentSessions;
  const rendermime = new RenderMimeRegistry({ initialFactories: standardRendererFactories });
  const trans = nullTranslator.load('x');
  const renderers = new PartRenderers();
  const context = { sessions, rendermime, languages: null, renderers, trans };
  render(<Panel context={context} visible showVariables />);
  return {
    done,
    renderers,
    sessions,
    follow: conversation =>
      act(() => {
        Object.assign(sessions, { conversation });
        followed.emit();
      }),
    push: event =>
      act(() => {
        add(event);
        signal.emit();
      })
  };
}

const called = (name: string, args: object): Partial<IEvent>[] => [
  { type: 'turn.started', data: { query: 'Do it' } },
  {
    type: 'message.completed',
    data: {
      message_id: 'm',
      role: 'assistant',
      parts: [{ type: 'tool_call', call_id: 'c', name, arguments: JSON.stringify(args) }]
    }
  },
  { type: 'tool.called', data: { call_id: 'c', name, effect: 'execute', arguments: args } }
];
const opened = (kind: string, payload: object = {}): Partial<IEvent> => ({
  type: 'request.opened',
  data: { request_id: 'r', kind, call_id: 'c', args_hash: 'h', payload }
});
const click = (name: string | RegExp): void => {
  fireEvent.click(screen.getByRole('button', { name }));
};

describe('the panel', () => {
  it('approves exactly what it showed', () => {
    const { done } = show(...called('run_code', { code: '1' }), opened('approval'));
    click('Approve');
    expect(done).toEqual([['answer', 'r', { decision: 'approve', args_hash: 'h' }]]);
  });

  it('denies with a reason, after a second thought', () => {
    const { done } = show(...called('run_code', { code: '1' }), opened('approval'));
    click('Deny');
    expect(done).toEqual([]);
    fireEvent.change(screen.getByLabelText(/Why not/), { target: { value: 'no' } });
    click('Deny');
    expect(done).toEqual([['answer', 'r', { decision: 'deny', reason: 'no', args_hash: 'h' }]]);
  });

  it('allows a tool for the session', () => {
    const { done } = show(...called('run_code', { code: '1' }), opened('approval'));
    click('Always');
    expect(done[0][2]).toMatchObject({ decision: 'always' });
  });

  it('offers the answers of a question, and any other', () => {
    const payload = { question: 'Which?', options: ['a', 'b'] };
    const { done } = show(...called('ask_user', payload), opened('question', payload));
    click('b');
    fireEvent.change(screen.getByLabelText('Your answer'), { target: { value: 'c' } });
    click('Answer');
    expect(done.map(([, , answer]) => (answer as IAnswer).answer)).toEqual(['b', 'c']);
  });

  it('takes the decision away when somebody else has answered', () => {
    const { push } = show(...called('run_code', { code: '1' }), opened('approval'));
    expect(screen.getByText('The agent waits for your decision.')).toBeTruthy();
    push({ type: 'request.answered', data: { request_id: 'r', decision: 'deny' } });
    expect(screen.queryByRole('button', { name: 'Approve' })).toBeNull();
    expect(screen.queryByText('The agent waits for your decision.')).toBeNull();
  });

  it('shows the source that an approval of a run is bound to, not what the page has', async () => {
    const { sessions } = show(
      ...called('run_cell', { cell_id: 'x' }),
      opened('approval', { source: 'the_bound_one()' })
    );
    expect(sessions.notebook.source('x')).toContain('the_page');
    await screen.findByText(/the_bound_one/);
    expect(screen.queryByText(/the_page/)).toBeNull();
  });

  it('says so where a run is not bound to a source', () => {
    show(...called('run_cell', { cell_id: 'x' }), opened('approval'));
    expect(screen.getByRole('alert').textContent).toContain('which code would run');
    expect(screen.queryByText(/the_page/)).toBeNull();
  });

  it('shows Markdown that would be inserted as it is written', () => {
    const source = '# Big\n[here](http://x)<!-- hidden -->';
    show(...called('insert_cell', { source, cell_type: 'markdown' }), opened('approval'));
    const texts = [...document.querySelectorAll('pre.jp-Agent-text')].map(p => p.textContent);
    expect(texts[0]).toBe(source);
  });

  it.each(['__proto__', 'constructor', 'toString'])('shows a call of %s like any other', name => {
    show(...called(name, { a: 1 }), opened('approval'));
    expect(document.querySelector('.jp-Agent-cardTitle')?.textContent).toBe(name);
    click('Deny');
  });

  it('draws the rest of a turn whose card cannot be drawn, and the card when it can', () => {
    vi.spyOn(console, 'error').mockImplementation(() => undefined);
    const { push, renderers } = show();
    let broken = true;
    renderers.add('plot', () => {
      if (broken) {
        throw new Error('No plot.');
      }
      return <p>A plot</p>;
    });
    called('plot', {}).forEach(push);
    expect(screen.getByText('This call cannot be shown: plot')).toBeTruthy();
    expect(document.querySelector('[data-turn-id=t] .jp-Agent-asked')).toBeTruthy();
    broken = false;
    push({ type: 'tool.started', data: { call_id: 'c' } });
    expect(screen.getByText('A plot')).toBeTruthy();
  });

  it('shows an edit of the page as no question to the person', () => {
    show(...called('edit_cell', { cell_id: 'x', source: '1' }), opened('edit'));
    expect(screen.queryByRole('button', { name: 'Approve' })).toBeNull();
  });

  it('shows whole arguments that are no valid JSON', () => {
    const [started, said] = called('run_code', {});
    const part = { type: 'tool_call', call_id: 'c', name: 'run_code', arguments: '{"code": "1' };
    show(started, { ...said, data: { ...said.data, parts: [part] } });
    expect(document.querySelector('.jp-Agent-arguments pre')?.textContent).toContain('code');
  });

  it('stops a running turn, and queues what is asked meanwhile', () => {
    const { done } = show({ type: 'turn.started', data: { query: 'Do it' } });
    click('Stop');
    fireEvent.change(screen.getByLabelText('Message to the agent'), { target: { value: 'next' } });
    click('Queue');
    expect(done).toEqual([['interrupt'], ['ask', 'next']]);
  });

  it('sends with Enter, and not with Shift, nor while a word is being composed', () => {
    const { done } = show();
    const box = screen.getByLabelText('Message to the agent');
    fireEvent.change(box, { target: { value: 'hello' } });
    fireEvent.keyDown(box, { key: 'Enter', shiftKey: true });
    fireEvent.keyDown(box, { key: 'Enter', isComposing: true });
    expect(done).toEqual([]);
    fireEvent.keyDown(box, { key: 'Enter' });
    expect(done).toEqual([['ask', 'hello']]);
  });

  it('keeps what is half written with its conversation', () => {
    const { done, follow } = show();
    const box = (): HTMLTextAreaElement => screen.getByLabelText('Message to the agent');
    fireEvent.change(box(), { target: { value: 'of the first' } });
    box().focus();
    follow('two');
    expect(box().value).toBe('');
    expect(document.activeElement).toBe(box());
    fireEvent.keyDown(box(), { key: 'Enter' });
    fireEvent.change(box(), { target: { value: 'of the second' } });
    follow('one');
    expect(box().value).toBe('of the first');
    fireEvent.keyDown(box(), { key: 'Enter' });
    expect(done).toEqual([['ask', 'of the first']]);
    expect(box().value).toBe('');
    follow('two');
    expect(box().value).toBe('of the second');
  });

  it('carries out commands, and says which it does not know', () => {
    const { done } = show();
    const box = screen.getByLabelText('Message to the agent');
    for (const text of ['/mode auto', '/rename A title', '/new', '/toString']) {
      fireEvent.change(box, { target: { value: text } });
      fireEvent.keyDown(box, { key: 'Enter' });
    }
    expect(done).toEqual([['setMode', 'auto'], ['rename', 'A title'], ['startNew']]);
    expect(screen.getByRole('alert').textContent).toContain('/toString');
  });

  it('says how a turn failed, and that the kernel is busy', () => {
    show(
      { type: 'turn.started', data: { query: 'Do it' } },
      { type: 'turn.ended', data: { status: 'failed', reason: 'No such model.' } }
    );
    expect(screen.getByText('Failed: No such model.')).toBeTruthy();
    expect(screen.getByText(/kernel busy/)).toBeTruthy();
    expect(screen.getByText('3 × 2')).toBeTruthy();
  });
});
