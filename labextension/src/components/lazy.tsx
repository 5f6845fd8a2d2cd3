/** CodeMirror's merge view comes when the first difference is shown, not with the page. */
import React, { lazy, Suspense } from 'react';
import type { Diff, Editor } from './mirror';

const LazyDiffView = lazy(() => import('./mirror').then(m => ({ default: m.Diff })));
const LazyEditorView = lazy(() => import('./mirror').then(m => ({ default: m.Editor })));

export function LazyDiff(props: Parameters<typeof Diff>[0]): JSX.Element {
  return (
    <Suspense fallback={<pre className="jp-Agent-text">{props.after}</pre>}>
      <LazyDiffView {...props} />
    </Suspense>
  );
}

export function LazyEditor(props: Parameters<typeof Editor>[0]): JSX.Element {
  return (
    <Suspense fallback={<pre className="jp-Agent-text">{props.value}</pre>}>
      <LazyEditorView {...props} />
    </Suspense>
  );
}
