/** A variable's summary in few words, and what changed since the last turn. Pure. */
import type { ISessionState, Json, Summary } from './tokens';

export type Novelty = 'new' | 'changed' | '';

/** Shape, length or value, whichever says most. */
export function shapeOf(summary: Summary): string {
  const { shape, len, value } = summary;
  if (Array.isArray(shape)) {
    return shape.map(String).join(' × ');
  }
  if (summary.kind === 'text' || summary.kind === 'scalar' || summary.kind === 'datetime') {
    return short(value);
  }
  if (typeof len === 'number') {
    return String(len);
  }
  return summary.kind === 'module' ? '' : short(value);
}

/** Everything that is known of it, a line each. */
export function detailOf(name: string, summary: Summary): string {
  const lines = Object.entries(summary)
    .filter(([, value]) => value !== null && value !== '')
    .map(([key, value]) => `${key}: ${short(value, 200)}`);
  return [name, ...lines].join('\n');
}

/** What is new or different since the agent last looked; nothing before it ever did. */
export function novelty(name: string, summary: Summary, state: ISessionState | null): Novelty {
  if (!state || !state.snapshot.time || state.variables.size === 0) {
    return '';
  }
  const before = state.variables.get(name);
  if (before === undefined) {
    return 'new';
  }
  return JSON.stringify(before) === JSON.stringify(summary) ? '' : 'changed';
}

function short(value: Json | undefined, most = 40): string {
  if (value === undefined || value === null) {
    return '';
  }
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length > most ? `${text.slice(0, most)}…` : text;
}
