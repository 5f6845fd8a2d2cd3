/** Safe rendering of what models, tools and variables say: hostile until proven otherwise. */
import { Sanitizer } from '@jupyterlab/apputils';
import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import {
  htmlRendererFactory,
  imageRendererFactory,
  latexRendererFactory,
  markdownRendererFactory,
  RenderMimeRegistry,
  textRendererFactory
} from '@jupyterlab/rendermime';
import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';

const DROPPED = [
  'applet,area,audio,base,button,canvas,dialog,embed,fieldset,form,frame,frameset,iframe',
  'input,label,link,map,math,meta,noscript,object,optgroup,option,param,picture,portal,script',
  'select,slot,source,style,svg,template,textarea,title,track,video'
].join(',');
const ATTRIBUTES = new Set(
  'align alt class colspan dir height href lang rowspan scope src start width'.split(' ')
);
/** What the highlighter and pandas write; a class of ours would make text look like a card. */
const CLASSES = /^(ͼ.*|cm-[\w-]+|language-[\w+#.-]+|dataframe|markdown-alert[\w-]*)$/;
const IMAGE = /^data:image\/(png|jpeg|gif|webp);base64,[A-Za-z0-9+/=\s]+$/;
const LINK = /^(https?:|mailto:)/i;

/**
 * JupyterLab's sanitizer lets remote images and command links through. Before it, a pass over an
 * inert document (nothing in it is fetched or run) drops what could act, fetch or imitate.
 */
export class StrictSanitizer extends Sanitizer {
  constructor() {
    super();
    this.setAllowCommandLinker?.(false); // 4.4 has none
  }

  sanitize(dirty: string, options?: IRenderMime.ISanitizerOptions): string {
    const { body } = new DOMParser().parseFromString(dirty, 'text/html');
    body.querySelectorAll('input[type=checkbox]').forEach(box => {
      box.replaceWith(box.hasAttribute('checked') ? '☑ ' : '☐ ');
    });
    body.querySelectorAll(DROPPED).forEach(element => element.remove());
    body.querySelectorAll('*').forEach(strip);
    return super.sanitize(body.innerHTML, options);
  }
}

/** A fence whose text JupyterLab would draw; drawing a hostile text fetches what it names. */
const DIAGRAM = /([`~]{3,}[^\S\n]*)mermaid/gi;

/** Diagrams are shown as their text: drawing what a model wrote is left to the person. */
function withoutDiagrams(parser: IRenderMime.IMarkdownParser): IRenderMime.IMarkdownParser {
  return { render: source => parser.render(source.replace(DIAGRAM, '$1mermaid-text')) };
}

/** The application's parser, highlighter and typesetter behind the strict sanitizer. */
export function strictRendermime(app: IRenderMimeRegistry): IRenderMimeRegistry {
  return new RenderMimeRegistry({
    initialFactories: [
      markdownRendererFactory,
      htmlRendererFactory,
      latexRendererFactory,
      imageRendererFactory,
      textRendererFactory
    ],
    sanitizer: new StrictSanitizer(),
    latexTypesetter: app.latexTypesetter ?? undefined,
    markdownParser: app.markdownParser ? withoutDiagrams(app.markdownParser) : undefined
  });
}

function strip(element: Element): void {
  for (const { name } of [...element.attributes]) {
    if (!ATTRIBUTES.has(name)) {
      element.removeAttribute(name);
    }
  }
  const kept = [...element.classList].filter(name => CLASSES.test(name));
  element.removeAttribute('class');
  if (kept.length > 0) {
    element.className = kept.join(' ');
  }
  if (element.tagName === 'IMG' && !IMAGE.test(element.getAttribute('src') ?? '')) {
    element.replaceWith(element.getAttribute('alt') ?? '');
  } else if (element.tagName !== 'IMG') {
    element.removeAttribute('src');
  }
  if (element.tagName === 'A') {
    if (LINK.test(element.getAttribute('href')?.trim() ?? '')) {
      return;
    }
    element.replaceWith(...element.childNodes);
  } else {
    element.removeAttribute('href');
  }
}
