/** What every component may use, given once at the top. */
import type { IEditorLanguageRegistry } from '@jupyterlab/codemirror';
import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import type { TranslationBundle } from '@jupyterlab/translation';
import { createContext, useContext } from 'react';
import type { IAgentSessions, IPartRenderers } from '../tokens';

export interface IPanelContext {
  sessions: IAgentSessions;
  rendermime: IRenderMimeRegistry;
  languages: IEditorLanguageRegistry | null;
  renderers: IPartRenderers;
  trans: TranslationBundle;
}

const PanelContext = createContext<IPanelContext | null>(null);

export const PanelProvider = PanelContext.Provider;

export function usePanel(): IPanelContext {
  const context = useContext(PanelContext);
  if (context === null) {
    throw new Error('A component of the panel stands outside of it.');
  }
  return context;
}
