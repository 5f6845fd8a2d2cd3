import { YNotebook } from '@jupyter/ydoc';
import type { INotebookContent } from '@jupyterlab/nbformat';
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { applyOperations, minimalSplice, RefusedError, undoLastEdit } from '../edits';
import { sha256, sourceHash } from '../sha256';

const cell = (id: string, source: string) => ({
  cell_type: 'code',
  id,
  source,
  metadata: {},
  outputs: [],
  execution_count: null
});
const make = (...sources: string[]): YNotebook => {
  const notebook = YNotebook.create({
    disableDocumentWideUndoRedo: true,
    data: {
      cells: sources.map((source, i) => cell(`c${i + 1}`, source))
    } as unknown as INotebookContent
  });
  notebook.clearUndoHistory(); // as after loading
  return notebook;
};
const sources = (notebook: YNotebook): string[] => notebook.cells.map(c => c.getSource());

describe('the hash of a source', () => {
  it.each(['', 'a = 1', 'größe = "😀"\n', 'x'.repeat(55), 'x'.repeat(56), 'y'.repeat(10_000)])(
    'is the SHA-256 of its UTF-8',
    text => {
      const expected = createHash('sha256').update(text, 'utf8').digest('hex');
      expect(sha256(new TextEncoder().encode(text))).toBe(expected);
      expect(sourceHash(text)).toBe(expected.slice(0, 16));
    }
  );
});

describe('edits', () => {
  it('are one undo step that leaves alone what the person did since', () => {
    const notebook = make('a = 1', 'b = 2');
    const changes = applyOperations(notebook, [
      { op: 'replace', cell_id: 'c1', expected: sourceHash('a = 1'), source: 'a = 10' },
      { op: 'insert', cell_id: 'n', cell_type: 'markdown', source: 'hi', after: 'c1' },
      { op: 'delete', cell_id: 'c2', expected: sourceHash('b = 2') }
    ]);
    expect(sources(notebook)).toEqual(['a = 10', 'hi']);
    expect(changes.map(c => [c.before?.index ?? null, c.after?.index ?? null])).toEqual([
      [0, 0],
      [null, 1],
      [2, null]
    ]);
    notebook.cells[0].updateSource(0, 0, '# mine\n');
    expect(undoLastEdit(notebook)).toBe(true);
    expect(sources(notebook)).toEqual(['# mine\na = 1', 'b = 2']);
    expect(notebook.cells[1].getId()).toBe('c2');
    expect(undoLastEdit(notebook)).toBe(false);
  });

  it('are taken back by the notebook’s own undo, too', () => {
    const notebook = make('a = 1');
    const operation = { op: 'replace', cell_id: 'c1', expected: sourceHash('a = 1') } as const;
    applyOperations(notebook, [{ ...operation, source: 'a = 2' }]);
    notebook.undo();
    expect(sources(notebook)).toEqual(['a = 1']);
  });

  it('are refused whole when a cell has changed, and say what it is now', () => {
    const notebook = make('a = 1', 'b = 2');
    const run = (): unknown =>
      applyOperations(notebook, [
        { op: 'delete', cell_id: 'c2', expected: sourceHash('b = 2') },
        { op: 'replace', cell_id: 'c1', expected: sourceHash('stale'), source: 'x' }
      ]);
    expect(run).toThrow(RefusedError);
    try {
      run();
    } catch (error) {
      expect((error as RefusedError).toJSON()).toMatchObject({
        code: 'stale_cell',
        cell_id: 'c1',
        source: 'a = 1',
        hash: sourceHash('a = 1')
      });
    }
    expect(sources(notebook)).toEqual(['a = 1', 'b = 2']);
    expect(undoLastEdit(notebook)).toBe(false);
  });

  it.each([
    [{ op: 'insert', cell_id: 'n', cell_type: 'code', source: '', after: 'gone' } as const],
    [{ op: 'delete', cell_id: 'gone', expected: 'x' } as const]
  ])('are refused where the cell is gone', operation => {
    const notebook = make('a = 1');
    try {
      applyOperations(notebook, [operation]);
      expect.unreachable();
    } catch (error) {
      expect((error as RefusedError).code).toBe('not_found');
    }
  });

  it('are refused where a cell of that id is there already: it was applied before', () => {
    const notebook = make('a = 1');
    const insert = { op: 'insert', cell_id: 'n', cell_type: 'code', source: 's' } as const;
    applyOperations(notebook, [{ ...insert, after: null }]);
    expect(() => applyOperations(notebook, [{ ...insert, after: null }])).toThrow(RefusedError);
    expect(sources(notebook)).toEqual(['s', 'a = 1']);
  });

  it('write outputs', () => {
    const notebook = make('1');
    const outputs = [{ output_type: 'stream', name: 'stdout', text: 'one' }];
    applyOperations(notebook, [
      { op: 'outputs', cell_id: 'c1', expected: sourceHash('1'), outputs, execution_count: 7 }
    ]);
    const written = notebook.cells[0].toJSON();
    expect(written.execution_count).toBe(7);
    expect(JSON.stringify(written.outputs)).toContain('one');
  });

  it('splice as little as they can', () => {
    expect(minimalSplice('abcdef', 'abXdef')).toEqual([2, 3, 'X']);
    expect(minimalSplice('aaa', 'aa')).toEqual([2, 3, '']);
    expect(minimalSplice('x', 'x')).toEqual([1, 1, '']);
  });
});
