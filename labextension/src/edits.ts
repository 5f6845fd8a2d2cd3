/** Carries out the agent's edits on an open notebook: whole or not at all, one undoable step. */
import type { ISharedCell, ISharedNotebook, SharedCell, YNotebook } from '@jupyter/ydoc';
import type { IOutput } from '@jupyterlab/nbformat';
import * as Y from 'yjs';
import { sourceHash } from './sha256';
import type { CellImage, IChange, JsonObject } from './tokens';

/** One operation of an `edit` request (docs/socket.md). */
export type Operation =
  | { op: 'insert'; cell_id: string; cell_type: string; source: string; after: string | null }
  | { op: 'replace'; cell_id: string; expected: string; source: string }
  | { op: 'delete'; cell_id: string; expected: string }
  | {
      op: 'outputs';
      cell_id: string;
      expected: string;
      outputs: IOutput[];
      execution_count: number | null;
    };

/** Why an edit or a run was not carried out; goes to the server as it is. */
export class RefusedError extends Error {
  constructor(
    readonly code: 'stale_cell' | 'not_found' | 'not_open' | 'kernel',
    message: string,
    readonly details: { cell_id?: string; source?: string; hash?: string } = {}
  ) {
    super(message);
  }

  toJSON(): JsonObject {
    return { code: this.code, message: this.message, ...this.details };
  }
}

/** The origin of every transaction of the agent's. */
const ORIGIN = { name: 'jupyter-agent-ext' };
const managers = new WeakMap<ISharedNotebook, Y.UndoManager>();

/**
 * Apply operations as one transaction. Everything is checked first; throws RefusedError with
 * the notebook untouched. Returns what changed, cell by cell.
 */
export function applyOperations(notebook: ISharedNotebook, operations: Operation[]): IChange[] {
  check(notebook, operations);
  const manager = agentUndoManager(notebook);
  const changes: IChange[] = [];
  const own = (notebook as YNotebook).undoManager;
  manager.stopCapturing();
  own.stopCapturing(); // what the person did just before is a step of its own
  notebook.transact(
    () => {
      // `notebook.cells` is only brought up to date when the transaction ends
      const order = notebook.cells.map(cell => cell.getId());
      const cells = new Map<string, ISharedCell>(notebook.cells.map(c => [c.getId(), c]));
      for (const operation of operations) {
        changes.push(perform(notebook, operation, order, cells));
      }
    },
    false,
    ORIGIN
  );
  manager.stopCapturing();
  own.stopCapturing();
  return changes;
}

/** Take back the agent's last step, and only that; say whether there was one. */
export function undoLastEdit(notebook: ISharedNotebook): boolean {
  const done = agentUndoManager(notebook).undo() !== null;
  if (done) {
    (notebook as YNotebook).dirty = true; // a bare undo manager does not say so
  }
  return done;
}

/** The smallest replacement [start, end, text], so that cursors and marks survive. */
export function minimalSplice(before: string, after: string): [number, number, string] {
  const most = Math.min(before.length, after.length);
  let start = 0;
  while (start < most && before[start] === after[start]) {
    start++;
  }
  let end = 0;
  while (end < most - start && before[before.length - 1 - end] === after[after.length - 1 - end]) {
    end++;
  }
  return [start, before.length - end, after.slice(start, after.length - end)];
}

/** Find a cell and check that its source is the one that the agent saw. */
export function expectCell(notebook: ISharedNotebook, id: string, expected: string): ISharedCell {
  const cell = notebook.cells.find(c => c.getId() === id);
  if (!cell) {
    throw new RefusedError('not_found', `The notebook has no cell ${id}.`, { cell_id: id });
  }
  const source = cell.getSource();
  const hash = sourceHash(source);
  if (hash !== expected) {
    const details = { cell_id: id, source, hash };
    throw new RefusedError('stale_cell', `Cell ${id} has changed since it was read.`, details);
  }
  return cell;
}

function check(notebook: ISharedNotebook, operations: Operation[]): void {
  const known = new Set(notebook.cells.map(c => c.getId()));
  const fresh = new Set<string>();
  for (const operation of operations) {
    const id = operation.cell_id;
    if (operation.op === 'insert') {
      const { after } = operation;
      if (after !== null && !known.has(after)) {
        throw new RefusedError('not_found', `The notebook has no cell ${after}.`, {
          cell_id: after
        });
      }
      if (known.has(id)) {
        throw new RefusedError('stale_cell', `The notebook has a cell ${id} already.`, {
          cell_id: id
        });
      }
      known.add(id);
      fresh.add(id);
    } else if (!fresh.has(id)) {
      expectCell(notebook, id, operation.expected);
    }
    if (operation.op === 'delete') {
      known.delete(id);
    }
  }
}

function perform(
  notebook: ISharedNotebook,
  operation: Operation,
  order: string[],
  cells: Map<string, ISharedCell>
): IChange {
  const id = operation.cell_id;
  if (operation.op === 'insert') {
    const at = operation.after === null ? 0 : order.indexOf(operation.after) + 1;
    const cell: SharedCell.Cell = {
      id,
      cell_type: operation.cell_type,
      source: operation.source,
      metadata: operation.cell_type === 'code' ? { trusted: true } : {}
    } as SharedCell.Cell;
    const made = notebook.insertCell(at, cell);
    order.splice(at, 0, id);
    cells.set(id, made);
    return { cell_id: id, before: null, after: image(made, at) };
  }
  const at = order.indexOf(id);
  const cell = cells.get(id);
  if (!cell || at < 0) {
    throw new RefusedError('not_found', `The notebook has no cell ${id}.`, { cell_id: id });
  }
  const before = image(cell, at);
  if (operation.op === 'delete') {
    notebook.deleteCell(at);
    order.splice(at, 1);
    cells.delete(id);
    return { cell_id: id, before, after: null };
  }
  if (operation.op === 'replace') {
    const [start, end, text] = minimalSplice(cell.getSource(), operation.source);
    if (start !== end || text) {
      cell.updateSource(start, end, text);
    }
  } else if (isCode(cell)) {
    cell.setOutputs(operation.outputs);
    cell.execution_count = operation.execution_count;
  }
  return { cell_id: id, before, after: image(cell, at) };
}

type CodeCell = ISharedCell & {
  setOutputs(outputs: IOutput[]): void;
  execution_count: number | null;
};

function isCode(cell: ISharedCell): cell is CodeCell {
  return cell.cell_type === 'code';
}

function image(cell: ISharedCell, index: number): CellImage {
  return { index, cell: cell.toJSON() as unknown as JsonObject };
}

/** The undo stack that holds the agent's steps only. */
function agentUndoManager(notebook: ISharedNotebook): Y.UndoManager {
  let manager = managers.get(notebook);
  if (!manager) {
    const shared = notebook as YNotebook;
    const cells = shared.ydoc.getArray('cells') as Y.AbstractType<Y.YEvent<Y.Array<unknown>>>;
    manager = new Y.UndoManager([cells], {
      trackedOrigins: new Set([ORIGIN]),
      captureTimeout: 0,
      doc: shared.ydoc
    });
    // the notebook's own undo (Z in command mode) takes the agent's steps back too
    shared.undoManager.addTrackedOrigin(ORIGIN);
    managers.set(notebook, manager);
  }
  return manager;
}
