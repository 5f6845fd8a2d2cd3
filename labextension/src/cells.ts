/** A notebook's cells as the person sees them, within bounds: the answer to `read`. */
import type { ISharedNotebook } from '@jupyter/ydoc';
import type { JsonObject, Json } from './tokens';

/** Characters of text in the outputs of one cell, at most. */
const MAX_TEXT = 8_000;
const IMAGE = /^image\/(png|jpeg|gif|webp|bmp)$/;

/** Return all cells; outputs are bounded, images are only named. */
export function readCells(notebook: ISharedNotebook): JsonObject[] {
  return notebook.cells.map(cell => {
    const { id, cell_type, source, metadata, outputs, execution_count } =
      cell.toJSON() as unknown as Record<string, Json>;
    return {
      id,
      cell_type,
      source,
      execution_count: execution_count ?? null,
      outputs: boundedOutputs((outputs ?? []) as JsonObject[]),
      metadata: metadata ?? {}
    };
  });
}

/** Cut the texts of a cell's outputs after 8 000 characters in all; empty the images. */
export function boundedOutputs(outputs: JsonObject[]): JsonObject[] {
  const left = { chars: MAX_TEXT };
  return outputs.map(output => {
    if (output.output_type === 'stream') {
      return { ...output, text: cut(text(output.text), left) };
    }
    if (output.output_type === 'error') {
      const traceback = cut(lines(output.traceback), left).split('\n');
      return { ...output, evalue: cut(text(output.evalue), left), traceback };
    }
    return { ...output, data: boundedBundle((output.data ?? {}) as JsonObject, left) };
  });
}

function boundedBundle(data: JsonObject, left: { chars: number }): JsonObject {
  const bounded: JsonObject = {};
  // the plain text is what is read first: it gets its share before the others
  const mimes = Object.keys(data).sort(
    (a, b) => Number(b === 'text/plain') - Number(a === 'text/plain')
  );
  for (const mime of mimes) {
    if (IMAGE.test(mime)) {
      bounded[mime] = '';
    } else if (mime.startsWith('text/') || mime === 'image/svg+xml') {
      bounded[mime] = cut(text(data[mime]), left);
    } else {
      const size = JSON.stringify(data[mime]).length;
      bounded[mime] = size <= left.chars ? data[mime] : null;
      left.chars -= size <= left.chars ? size : 0;
    }
  }
  return bounded;
}

function cut(value: string, left: { chars: number }): string {
  const kept = value.slice(0, left.chars);
  left.chars -= kept.length;
  return kept;
}

function text(value: Json | undefined): string {
  return Array.isArray(value) ? value.join('') : String(value ?? '');
}

function lines(value: Json | undefined): string {
  return Array.isArray(value) ? value.join('\n') : String(value ?? '');
}
