/** What can be mentioned with `@` and commanded with `/`, and what goes along with a question. */
import type { TranslationBundle } from '@jupyterlab/translation';
import type { IAgentSessions, IAttachment, IModelList } from './tokens';

/** One suggestion; `insert` replaces what was typed from the trigger on. */
export interface ISuggestion {
  insert: string;
  label: string;
  detail: string;
}

export interface ICommand {
  name: string;
  help: string;
  values?: string[];
}

const MOST = 12;
const TRIGGER = /(?:^|\s)@([^\s@]*)$/;
const CELL = /@cell:(\d+)/g;
const ERROR = /@error\b/;

export function slashCommands(
  trans: TranslationBundle,
  models: IModelList | null
): readonly ICommand[] {
  return [
    {
      name: 'model',
      help: trans.__('Choose the model of this session'),
      values: (models?.models ?? []).map(m => m.name)
    },
    {
      name: 'mode',
      help: trans.__('Choose what needs no approval'),
      values: ['read-only', 'ask', 'auto']
    },
    { name: 'new', help: trans.__('Start a new session') },
    { name: 'sessions', help: trans.__('Show the sessions of this notebook') },
    { name: 'rename', help: trans.__('Give this session a title') },
    { name: 'compact', help: trans.__('Let the model see a summary of older turns') },
    { name: 'stop', help: trans.__('Stop the running turn') },
    { name: 'help', help: trans.__('Say what can be typed here') }
  ];
}

/** Suggest completions for the text before the cursor. */
export async function suggest(
  before: string,
  sessions: IAgentSessions,
  trans: TranslationBundle
): Promise<ISuggestion[]> {
  if (before.startsWith('/')) {
    return suggestCommands(before.slice(1), slashCommands(trans, sessions.models));
  }
  const found = TRIGGER.exec(before);
  return found ? suggestMentions(found[1], sessions, trans) : [];
}

function suggestCommands(text: string, commands: readonly ICommand[]): ISuggestion[] {
  const [name, value] = text.split(/\s+/, 2);
  if (value === undefined) {
    return commands
      .filter(command => command.name.startsWith(name))
      .map(({ name: n, help, values }) => ({
        insert: `/${n}${values || n === 'rename' ? ' ' : ''}`,
        label: `/${n}`,
        detail: help
      }));
  }
  const values = commands.find(command => command.name === name)?.values ?? [];
  return values
    .filter(v => v.toLowerCase().includes(value.toLowerCase()) && v !== value)
    .slice(0, MOST)
    .map(v => ({ insert: `/${name} ${v}`, label: v, detail: '' }));
}

async function suggestMentions(
  typed: string,
  sessions: IAgentSessions,
  trans: TranslationBundle
): Promise<ISuggestion[]> {
  const starts = (name: string): boolean => name.toLowerCase().startsWith(typed.toLowerCase());
  const made: ISuggestion[] = [];
  for (const [name, summary] of Object.entries(sessions.variables.reading?.variables ?? {})) {
    if (starts(name)) {
      made.push({ insert: `@${name} `, label: name, detail: String(summary.type ?? '') });
    }
  }
  const cells = sessions.notebook.cells();
  if (starts('error') && sessions.notebook.failedCell() !== null) {
    made.push({ insert: '@error ', label: 'error', detail: trans.__('the last error') });
  }
  const variables = made.slice(0, MOST);
  const numbered = cells
    .filter(cell => starts(`cell:${cell.index + 1}`))
    .slice(0, typed.startsWith('cell') ? MOST : 4)
    .map(cell => ({
      insert: `@cell:${cell.index + 1} `,
      label: `cell:${cell.index + 1}`,
      detail: cell.source.split('\n')[0].slice(0, 40)
    }));
  const path = typed.startsWith('file:') ? typed.slice(5) : typed;
  const files = (await sessions.files(path)).slice(0, typed.startsWith('file') ? MOST : 4);
  return [
    ...variables,
    ...numbered,
    ...files.map(name => ({
      insert: `@file:${name}${name.endsWith('/') ? '' : ' '}`,
      label: name,
      detail: trans.__('file')
    }))
  ];
}

/** Those of the suggestions that still fit what was typed, until new ones have come. */
export function stillFitting(choices: ISuggestion[], before: string): ISuggestion[] {
  const typed = before.startsWith('/') ? before : before.slice(before.lastIndexOf('@'));
  return choices.filter(c => c.insert.toLowerCase().startsWith(typed.toLowerCase()));
}

/** The text with what was typed from the trigger on replaced, and where the cursor goes. */
export function accept(
  text: string,
  cursor: number,
  suggestion: ISuggestion
): { text: string; cursor: number } {
  const before = text.slice(0, cursor);
  const start = before.startsWith('/') ? 0 : before.lastIndexOf('@');
  const head = before.slice(0, start) + suggestion.insert;
  return { text: head + text.slice(cursor), cursor: head.length };
}

/** What the mentioned cells and the last error say, given along as data. */
export function mentioned(query: string, sessions: IAgentSessions): IAttachment[] {
  const cells = sessions.notebook.cells();
  const attached: IAttachment[] = [];
  for (const [, number] of query.matchAll(CELL)) {
    const cell = cells[Number(number) - 1];
    if (cell) {
      const name = `cell ${number} (${cell.type}, id ${cell.id})`;
      attached.push({ type: 'text', name, text: cell.source });
    }
  }
  const failed = sessions.notebook.failedCell();
  if (ERROR.test(query) && failed) {
    const name = `cell ${failed.index + 1} that failed (id ${failed.id})`;
    attached.push({ type: 'text', name, text: failed.source });
  }
  return attached;
}
