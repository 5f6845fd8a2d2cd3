/** JupyterLab's renderers are widgets; this puts them into React's tree and takes them out again. */
import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';
import { Widget } from '@lumino/widgets';
import type { DependencyList, RefObject } from 'react';
import { useEffect, useRef } from 'react';

/**
 * Show what `make` renders in the returned element. What was there stays until its successor is
 * ready, so nothing flickers. `make` returns null where there is nothing to show;
 * its `text` stands for what cannot be shown.
 */
export function useRenderer(
  make: () => { renderer: IRenderMime.IRenderer; ready: Promise<void>; text: string } | null,
  dependencies: DependencyList
): RefObject<HTMLDivElement> {
  const host = useRef<HTMLDivElement>(null);
  const shown = useRef<IRenderMime.IRenderer | null>(null);
  useEffect(() => {
    let live = true;
    const made = make();
    made?.ready.then(
      () => {
        if (live && host.current?.isConnected) {
          const former = shown.current;
          host.current.replaceChildren();
          Widget.attach(made.renderer as unknown as Widget, host.current);
          host.current.querySelectorAll('img:not([alt])').forEach(image => {
            image.setAttribute('alt', made.text);
          });
          shown.current = made.renderer;
          dispose(former);
        }
      },
      () => {
        if (live && host.current) {
          host.current.textContent = made.text;
        }
      }
    );
    return () => {
      live = false;
      if (made && shown.current !== made.renderer) {
        dispose(made.renderer);
      }
    };
  }, dependencies);
  useEffect(
    () => () => {
      dispose(shown.current);
      shown.current = null;
    },
    []
  );
  return host;
}

/** React may have taken the node out of the page before; then there is nothing to detach. */
function dispose(renderer: IRenderMime.IRenderer | null): void {
  const widget = renderer as unknown as Widget | null;
  if (widget && !widget.isDisposed) {
    if (widget.isAttached && !widget.node.isConnected) {
      widget.clearFlag(Widget.Flag.IsAttached);
    }
    widget.dispose();
  }
}
