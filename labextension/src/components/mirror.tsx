/** CodeMirror as the notebook has it: an editor for arguments, a view of a difference. */
import { unifiedMergeView } from '@codemirror/merge';
import type { Extension } from '@codemirror/state';
import { EditorState } from '@codemirror/state';
import { EditorView } from '@codemirror/view';
import type { IEditorLanguageRegistry } from '@jupyterlab/codemirror';
import { jupyterTheme } from '@jupyterlab/codemirror';
import React, { useEffect, useRef } from 'react';
import { usePanel } from './context';

/** What changes between two texts, unchanged stretches folded away. */
export function Diff(props: {
  before: string;
  after: string;
  mimeType: string;
  label: string;
}): JSX.Element {
  const { before, after } = props;
  return (
    <Mirror
      doc={after}
      mimeType={props.mimeType}
      label={props.label}
      identity={`${before}\0${after}`}
      extensions={[
        EditorState.readOnly.of(true),
        EditorView.editable.of(false),
        unifiedMergeView({
          original: before,
          mergeControls: false,
          gutter: true,
          collapseUnchanged: { margin: 2, minSize: 6 }
        })
      ]}
    />
  );
}

/** An editor; `onChange` gets the whole text. */
export function Editor(props: {
  value: string;
  mimeType: string;
  label: string;
  onChange: (value: string) => void;
}): JSX.Element {
  const listener = EditorView.updateListener.of(update => {
    if (update.docChanged) {
      props.onChange(update.state.doc.toString());
    }
  });
  return (
    <Mirror
      doc={props.value}
      mimeType={props.mimeType}
      label={props.label}
      identity="editor"
      focus
      extensions={[listener, EditorView.lineWrapping]}
    />
  );
}

/** The view is made once for an `identity`; an editor keeps its own text. */
function Mirror(props: {
  doc: string;
  mimeType: string;
  label: string;
  identity: string;
  extensions: Extension[];
  focus?: boolean;
}): JSX.Element {
  const { languages } = usePanel();
  const host = useRef<HTMLDivElement>(null);
  useEffect(() => {
    let view: EditorView | null = null;
    let live = true;
    void language(languages, props.mimeType).then(support => {
      if (live && host.current) {
        view = new EditorView({
          parent: host.current,
          state: EditorState.create({
            doc: props.doc,
            extensions: [
              EditorView.contentAttributes.of({ 'aria-label': props.label }),
              jupyterTheme,
              ...support,
              ...props.extensions
            ]
          })
        });
        if (props.focus) {
          view.focus();
        }
      }
    });
    return () => {
      live = false;
      view?.destroy();
    };
    // an editor keeps its text while the card around it is redrawn
  }, [props.identity, props.mimeType, languages]);
  return <div ref={host} className="jp-Agent-mirror" />;
}

async function language(
  languages: IEditorLanguageRegistry | null,
  mimeType: string
): Promise<Extension[]> {
  const found = await languages?.getLanguage(mimeType);
  return found?.support ? [found.support] : [];
}
