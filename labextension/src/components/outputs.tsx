/** Outputs of a tool: what it puts out while it runs, and what was kept of it. */
import type { IOutput } from '@jupyterlab/nbformat';
import { OutputModel } from '@jupyterlab/rendermime';
import React, { memo, useEffect, useState } from 'react';
import type { Content, IImagePart, ITextPart } from '../tokens';
import { usePanel } from './context';
import { useRenderer } from './mount';

/** Characters of a running stream that are drawn; all of it is drawn at the end. */
const TAIL = 8_000;

/** Outputs as they come, in the formats that the notebook would show. */
export function Outputs(props: { outputs: readonly IOutput[]; running: boolean }): JSX.Element {
  const { trans } = usePanel();
  return (
    <div className="jp-Agent-outputs" tabIndex={0} role="group" aria-label={trans.__('Output')}>
      {props.outputs.map((output, i) => (
        <Output key={i} output={output} tail={props.running} />
      ))}
    </div>
  );
}

const Output = memo(function Output(props: { output: IOutput; tail: boolean }): JSX.Element {
  const { rendermime, trans } = usePanel();
  const { output, tail } = props;
  const host = useRenderer(() => {
    const model = new OutputModel({ value: tail ? tailOf(output) : output, trusted: false });
    const mime = rendermime.preferredMimeType(model.data, 'ensure');
    if (!mime) {
      return null;
    }
    const renderer = rendermime.createRenderer(mime);
    return { renderer, ready: renderer.renderModel(model), text: trans.__('Output: %1', mime) };
  }, [output, tail, rendermime]);
  const error = output.output_type === 'error' || output.name === 'stderr';
  return <div ref={host} className={`jp-Agent-output${error ? ' jp-mod-error' : ''}`} />;
});

/** What the log keeps of a result: text, and images by their hashes. */
export function Kept(props: { content: readonly Content[] }): JSX.Element {
  return (
    <div className="jp-Agent-outputs">
      {props.content.map((part, i) =>
        part.type === 'image' ? <BlobImage key={i} part={part} /> : <KeptText key={i} part={part} />
      )}
    </div>
  );
}

function KeptText(props: { part: ITextPart }): JSX.Element | null {
  const { sessions, trans } = usePanel();
  const [whole, setWhole] = useState<string | null>(null);
  const { text, blob } = props.part;
  if (!text) {
    return null;
  }
  return (
    <>
      <pre className="jp-Agent-text" tabIndex={0}>
        {whole ?? text}
      </pre>
      {blob && whole === null && (
        <button
          className="jp-Agent-link"
          onClick={() =>
            void sessions.current
              ?.blob(blob)
              .then(data => data.text())
              .then(setWhole)
          }
        >
          {trans.__('Show all of it')}
        </button>
      )}
    </>
  );
}

/** An image of this session. Its bytes come through the API, never from an address in a text. */
export function BlobImage(props: { part: IImagePart }): JSX.Element {
  const { sessions, trans } = usePanel();
  const [url, setUrl] = useState<string | null>(null);
  const { blob, mime } = props.part;
  const session = sessions.current;
  useEffect(() => {
    let made: string | null = null;
    let live = true;
    void session?.blob(blob).then(data => {
      if (live) {
        made = URL.createObjectURL(new Blob([data], { type: mime }));
        setUrl(made);
      }
    });
    return () => {
      live = false;
      if (made) {
        URL.revokeObjectURL(made);
      }
    };
  }, [session, blob, mime]);
  return url ? (
    <img className="jp-Agent-image" src={url} alt={trans.__('Output of the tool')} />
  ) : (
    <span className="jp-Agent-muted">{mime}</span>
  );
}

function tailOf(output: IOutput): IOutput {
  if (output.output_type !== 'stream') {
    return output;
  }
  const text = Array.isArray(output.text) ? output.text.join('') : String(output.text);
  return text.length > TAIL ? { ...output, text: `…${text.slice(-TAIL)}` } : output;
}
