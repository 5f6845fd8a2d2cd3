import { nullTranslator } from '@jupyterlab/translation';
import { describe, expect, it } from 'vitest';
import { accept, mentioned, stillFitting, suggest } from '../mentions';
import type { IAgentSessions } from '../tokens';

const trans = nullTranslator.load('x');
const sessions = {
  models: { default: 'embedded', models: [{ name: 'openai/gpt' }, { name: 'embedded' }], keys: [] },
  variables: { reading: { variables: { df: { type: 'DataFrame' }, delta: { type: 'int' } } } },
  notebook: {
    cells: () => [
      { id: 'a', index: 0, type: 'code', source: 'x = 1\ny' },
      { id: 'b', index: 1, type: 'code', source: '1 / 0' }
    ],
    failedCell: () => ({ id: 'b', index: 1, type: 'code', source: '1 / 0' })
  },
  files: async (prefix: string) => ['data/', 'sales.csv'].filter(n => n.startsWith(prefix))
} as unknown as IAgentSessions;
const labels = async (text: string): Promise<string[]> =>
  (await suggest(text, sessions, trans)).map(s => s.label);

describe('suggestions', () => {
  it('are variables, the last error, cells and files after an @', async () => {
    expect(await labels('see @d')).toEqual(['df', 'delta', 'data/']);
    expect(await labels('@e')).toEqual(['error']);
    expect(await labels('@cell:')).toEqual(['cell:1', 'cell:2']);
    expect(await labels('@file:sal')).toEqual(['sales.csv']);
  });

  it('are none for an address or in the middle of a word', async () => {
    expect(await labels('me@d')).toEqual([]);
    expect(await labels('nothing')).toEqual([]);
  });

  it('are commands after a / at the start, and their values', async () => {
    expect(await labels('/mo')).toEqual(['/model', '/mode']);
    expect(await labels('/model gpt')).toEqual(['openai/gpt']);
    expect(await labels('see /mo')).toEqual([]);
  });

  it('replace what was typed, and the rest stays', async () => {
    const [df] = await suggest('see @d', sessions, trans);
    expect(accept('see @d please', 6, df)).toEqual({ text: 'see @df  please', cursor: 8 });
  });

  it('that do not fit any more are not picked before the new ones have come', async () => {
    const all = await suggest('@', sessions, trans);
    expect(stillFitting(all, '@file:s').map(s => s.label)).toEqual(['sales.csv']);
    expect(stillFitting(all, 'no mention')).toEqual([]);
  });
});

describe('what goes along', () => {
  it('is the source of the mentioned cells and of the one that failed', () => {
    const attached = mentioned('compare @cell:1 with @error and @cell:9', sessions);
    expect(attached.map(a => a.text)).toEqual(['x = 1\ny', '1 / 0']);
    expect(attached[0].name).toContain('id a');
  });
});
