import { describe, expect, it } from 'vitest';
import { splitBlocks } from '../blocks';

const sources = (text: string): string[] => splitBlocks(text).map(block => block.source);

describe('blocks of Markdown', () => {
  it('end at blank lines', () => {
    expect(sources('a\nb\n\nc\n')).toEqual(['a\nb', 'c']);
  });

  it('keep a fence whole and tell its code', () => {
    const [, code, rest] = splitBlocks('a\n\n```python\nx\n\ny\n```\nb');
    expect(code).toEqual({
      source: '```python\nx\n\ny\n```',
      code: 'x\n\ny',
      info: 'python',
      open: false
    });
    expect(rest.source).toBe('b');
  });

  it('know a fence that has not ended', () => {
    const blocks = splitBlocks('a\n\n```\nx');
    expect(blocks[1]).toMatchObject({ code: 'x', open: true });
  });

  it('cannot be left by a shorter fence inside', () => {
    expect(splitBlocks('````md\n```\nx\n```\n````')[0].code).toBe('```\nx\n```');
  });

  it('keep math and lists together', () => {
    expect(sources('$$\na\n\nb\n$$\n\nc')).toEqual(['$$\na\n\nb\n$$', 'c']);
    expect(sources('- a\n\n  more\n\n- b\n\nend')).toEqual(['- a\n\n  more\n\n- b', 'end']);
  });

  it('never change once another follows, whichever line comes next', () => {
    const text =
      '# T\n\n1. a\n\n   ```py\n   x\n   ```\n\n2. b\n\n```py\nq = 1\n\n```\n\n$$\nx\n$$\n\nend.';
    const whole = sources(text);
    const lines = text.split('\n');
    for (let cut = 1; cut < lines.length; cut++) {
      const some = sources(lines.slice(0, cut).join('\n'));
      expect(whole.slice(0, Math.max(0, some.length - 1))).toEqual(some.slice(0, -1));
    }
  });
});
