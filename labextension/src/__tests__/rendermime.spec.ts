import { RenderMimeRegistry } from '@jupyterlab/rendermime';
import { describe, expect, it } from 'vitest';
import { StrictSanitizer, strictRendermime } from '../rendermime';

const clean = (html: string): string => new StrictSanitizer().sanitize(html);

describe('the strict sanitizer', () => {
  it.each([
    '<img src="http://x/?q=1" alt="a">',
    '<img src="/logout">',
    '<img src="data:image/svg+xml,<svg/>">',
    '<img srcset="http://x 2x" src="data:image/png;base64,AA==">',
    '<div style="background:url(http://x)">a</div>',
    '<style>@import "http://x"</style>',
    '<table background="http://x"><tr><td>1</td></tr></table>',
    '<button data-commandlinker-command="terminal:create-new">x</button>',
    '<a href="#" data-commandlinker-command="terminal:create-new">x</a>',
    '<video src="http://x" poster="http://x"></video>',
    '<svg><image href="http://x"/></svg>',
    '<form action="http://x"><input></form>',
    '<link rel="prefetch" href="http://x">',
    '<a href="https://e.org" ping="http://x">l</a>',
    '<script>http:</script>',
    '<iframe srcdoc="<img src=http://x>"></iframe>',
    '<object data="http://x"></object>',
    '<noscript><p title="</noscript><img src=http://x onerror=1>"></noscript>',
    '<math><mtext><style><img src=http://x></style></mtext></math>',
    '<template><img src="http://x"></template>'
  ])('drops what acts or fetches: %s', html => {
    const out = clean(html).replace('https://e.org', '');
    expect(out).not.toMatch(/http:|logout|commandlinker|svg|script|style|srcset|ping|onerror/);
  });

  it.each(['jp-Agent-card', 'jp-Agent-decision', 'jp-mod-accept', 'jp-Button'])(
    'does not let text look like a part of ours: %s',
    name => {
      expect(clean(`<div class="${name}" id="${name}" role="button">Approve</div>`)).toBe(
        '<div>Approve</div>'
      );
    }
  );

  it('keeps what an answer needs', () => {
    const png = 'data:image/png;base64,iVBORw0KGgo=';
    const html = `<p><img src="${png}" alt="a"> <a href="https://e.org">l</a></p><table class="dataframe"><tbody><tr><td>1</td></tr></tbody></table><pre><code class="language-python"><span class="ͼ1b">x</span></code></pre>`;
    const out = clean(html);
    for (const kept of [png, 'https://e.org', 'dataframe', 'language-python', 'ͼ1b']) {
      expect(out).toContain(kept);
    }
  });

  it.each(['javascript:alert(1)', '/lab/api/shutdown', '//evil.org/x', 'data:text/html,x'])(
    'makes no link of %s',
    href => {
      expect(clean(`<a href="${href}">text</a>`)).toBe('text');
    }
  );

  it.each([
    '```mermaid\ng\n```',
    '~~~~ \u00a0Mermaid\ng\n~~~~',
    '> - 1. ```mermaid\n>   g',
    '- ```MERMAID\n  g\n  ```'
  ])('lets no diagram be drawn: %s', async text => {
    const seen: string[] = [];
    const parser = {
      render: async (source: string) => {
        seen.push(source);
        return '';
      }
    };
    const app = new RenderMimeRegistry({ markdownParser: parser });
    const registry = strictRendermime(app);
    const data = { 'text/markdown': text };
    await registry.createRenderer('text/markdown').renderModel(registry.createModel({ data }));
    expect(seen).toHaveLength(1);
    expect(seen[0]).not.toMatch(/[`~]\s*mermaid\s/i);
    expect(seen[0]).toContain('mermaid-text');
  });

  it('shows check boxes as text', () => {
    expect(clean('<input type="checkbox" checked disabled> done')).toBe('☑  done');
  });
});
