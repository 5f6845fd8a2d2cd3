/** Splits streamed Markdown into blocks, so that a finished one is rendered once. Pure. */

/** A piece of Markdown; `code` is the inside of a fence, `open` a fence without its end. */
export interface IBlock {
  source: string;
  code: string | null;
  info: string;
  open: boolean;
}

const FENCE = /^( {0,3})(`{3,}|~{3,})(.*)$/;
const LIST = /^\s*([-*+]|\d+[.)])\s/;

/**
 * Split Markdown at blank lines outside of fences, math and lists. A block never changes once
 * another one follows it.
 */
export function splitBlocks(text: string): IBlock[] {
  const blocks: IBlock[] = [];
  let lines: string[] = [];
  let blank = false;
  let math = false;
  let fence: { mark: string; indent: number; info: string; lines: string[] } | null = null;

  const flush = (): void => {
    const source = lines.join('\n').replace(/\n+$/, '');
    if (source.trim() !== '') {
      blocks.push({ source, code: null, info: '', open: false });
    }
    lines = [];
    blank = false;
  };
  const close = (open: boolean): void => {
    if (fence) {
      const code = fence.lines.join('\n');
      const { info } = fence;
      const mark = longerFence(code);
      const source = `${mark}${info}\n${code}\n${mark}`;
      blocks.push({ source, code, info, open });
      fence = null;
    }
  };

  for (const line of text.split('\n')) {
    const found = FENCE.exec(line);
    if (fence) {
      if (found && isEnd(found, fence.mark)) {
        close(false);
      } else {
        fence.lines.push(line.replace(new RegExp(`^ {0,${fence.indent}}`), ''));
      }
      continue;
    }
    if (
      found &&
      !math &&
      !inList(lines, line) &&
      !(found[2][0] === '`' && found[3].includes('`'))
    ) {
      flush();
      const info = found[3].trim().split(/\s+/)[0] ?? '';
      fence = { mark: found[2], indent: found[1].length, info, lines: [] };
      continue;
    }
    if (/^\s*\$\$/.test(line) && !/^\s*\$\$.+\$\$\s*$/.test(line)) {
      math = !math;
    }
    if (line.trim() === '' && !math) {
      blank = true;
      lines.push('');
      continue;
    }
    if (blank && !math && !continues(lines, line)) {
      flush();
    }
    blank = false;
    lines.push(line);
  }
  close(true);
  flush();
  return blocks;
}

function isEnd(found: RegExpExecArray, mark: string): boolean {
  return found[2][0] === mark[0] && found[2].length >= mark.length && found[3].trim() === '';
}

/** An indented line after a list item belongs to it; so does the next item. */
function continues(lines: string[], line: string): boolean {
  const first = lines.find(l => l.trim() !== '') ?? '';
  return LIST.test(first) && (/^\s{2,}/.test(line) || LIST.test(line));
}

function inList(lines: string[], line: string): boolean {
  return /^\s{2,}/.test(line) && LIST.test(lines.find(l => l.trim() !== '') ?? '');
}

function longerFence(code: string): string {
  const longest = Math.max(2, ...(code.match(/`+/g) ?? []).map(run => run.length));
  return '`'.repeat(longest + 1);
}
