/** Markdown that grows: each finished block is rendered once, by JupyterLab's own renderer. */
import React, { memo, useMemo } from 'react';
import { splitBlocks } from '../blocks';
import { CodeBlock } from './codeblock';
import { usePanel } from './context';
import { useRenderer } from './mount';

const MIME = 'text/markdown';

/** Text of a model. While it streams, an unfinished fence is shown as it is. */
export const Markdown = memo(function Markdown(props: {
  text: string;
  streaming?: boolean;
}): JSX.Element {
  const blocks = useMemo(() => splitBlocks(props.text), [props.text]);
  return (
    <div className="jp-Agent-markdown">
      {blocks.map((block, i) =>
        block.code === null ? (
          <Rendered key={i} source={block.source} />
        ) : (
          <CodeBlock key={i} code={block.code} info={block.info}>
            {block.open && props.streaming ? (
              <pre className="jp-Agent-openFence">{block.code}</pre>
            ) : (
              <Rendered source={block.source} />
            )}
          </CodeBlock>
        )
      )}
    </div>
  );
});

/** One block, drawn as it is drawn in a notebook, behind the strict sanitizer. */
export const Rendered = memo(function Rendered(props: { source: string }): JSX.Element {
  const { rendermime } = usePanel();
  const host = useRenderer(() => {
    const renderer = rendermime.createRenderer(MIME);
    const model = rendermime.createModel({ data: { [MIME]: props.source }, trusted: false });
    return { renderer, ready: renderer.renderModel(model), text: props.source };
  }, [props.source, rendermime]);
  return <div ref={host} className="jp-Agent-block" />;
});
