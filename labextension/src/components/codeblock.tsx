/** A block of code in an answer, with what a person may want to do with it. */
import {
  addBelowIcon,
  copyIcon,
  editIcon,
  runIcon,
  ToolbarButtonComponent
} from '@jupyterlab/ui-components';
import type { ReactNode } from 'react';
import React from 'react';
import { usePanel } from './context';

/** Languages that belong into the notebook's cells, beside the ones that have no name. */
const FOREIGN = /^(bash|console|css|diff|html|js|json|shell|sh|text|toml|txt|xml|ya?ml)$/i;

export function CodeBlock(props: { code: string; info: string; children: ReactNode }): JSX.Element {
  const { sessions, trans } = usePanel();
  const { notebook } = sessions;
  const usable = notebook.path !== null && !FOREIGN.test(props.info);
  return (
    <div className="jp-Agent-code">
      <div className="jp-Agent-codeBar" role="toolbar" aria-label={trans.__('Code of the answer')}>
        <ToolbarButtonComponent
          icon={copyIcon}
          tooltip={trans.__('Copy the code')}
          onClick={() => void copyText(props.code)}
        />
        {usable && (
          <>
            <ToolbarButtonComponent
              icon={addBelowIcon}
              tooltip={trans.__('Insert as a cell below')}
              onClick={() => notebook.insertBelow(props.code)}
            />
            <ToolbarButtonComponent
              icon={editIcon}
              tooltip={trans.__('Replace the active cell')}
              onClick={() => notebook.replaceActive(props.code)}
            />
            <ToolbarButtonComponent
              icon={runIcon}
              tooltip={trans.__('Insert as a cell below and run it')}
              onClick={() => void notebook.run(props.code)}
            />
          </>
        )}
      </div>
      {props.children}
    </div>
  );
}

/** Copy, also where the page is served over plain http. */
export async function copyText(text: string): Promise<void> {
  if (navigator.clipboard) {
    await navigator.clipboard.writeText(text);
    return;
  }
  const area = document.createElement('textarea');
  area.value = text;
  document.body.appendChild(area);
  area.select();
  document.execCommand('copy');
  area.remove();
}
