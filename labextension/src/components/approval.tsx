/** The decision about a call: approve, edit and approve, always, deny with a reason. */
import React, { useState } from 'react';
import { codeOf } from '../calls';
import type { IAnswer, IRequest, IToolCall, JsonObject } from '../tokens';
import { usePanel } from './context';
import { LazyEditor } from './lazy';

export function Approval(props: { request: IRequest; call: IToolCall }): JSX.Element {
  const { sessions, trans } = usePanel();
  const { request, call } = props;
  const [editing, setEditing] = useState(false);
  const [denying, setDenying] = useState(false);
  const [reason, setReason] = useState('');
  const [draft, setDraft] = useState<string | null>(null);
  const [wrong, setWrong] = useState('');
  const [busy, setBusy] = useState(false);
  const code = codeOf(call);

  const answer = async (rest: Omit<IAnswer, 'args_hash'>): Promise<void> => {
    setBusy(true);
    await sessions.current?.answer(request.request_id, { args_hash: request.args_hash, ...rest });
    setBusy(false);
  };
  const approveEdited = (): void => {
    try {
      const args = edited(call, code?.name ?? null, draft);
      void answer({ decision: 'approve', arguments: args });
    } catch (error) {
      setWrong(trans.__('The arguments are no valid JSON: %1', (error as Error).message));
    }
  };
  return (
    <section className="jp-Agent-decision" aria-label={trans.__('Decision about %1', call.name)}>
      <p>{trans.__('The agent wants to do this. Shall it?')}</p>
      {editing && (
        <LazyEditor
          value={code?.code ?? JSON.stringify(call.arguments, null, 2)}
          mimeType={code ? sessions.notebook.language : 'application/json'}
          label={trans.__('What will be done instead')}
          onChange={setDraft}
        />
      )}
      {wrong && <p role="alert">{wrong}</p>}
      {denying && (
        <input
          className="jp-mod-styled"
          autoFocus
          value={reason}
          aria-label={trans.__('Why not (the agent reads it)')}
          placeholder={trans.__('Why not (the agent reads it)')}
          onChange={event => setReason(event.target.value)}
          onKeyDown={event => {
            if (event.key === 'Enter' && !event.nativeEvent.isComposing) {
              void answer({ decision: 'deny', reason });
            }
          }}
        />
      )}
      <div className="jp-Agent-actions">
        {editing ? (
          <button className={ACCEPT} disabled={busy} onClick={approveEdited}>
            {trans.__('Approve the edited version')}
          </button>
        ) : (
          !denying && (
            <>
              <button
                className={ACCEPT}
                disabled={busy}
                onClick={() => void answer({ decision: 'approve' })}
              >
                {trans.__('Approve')}
              </button>
              <button className={PLAIN} disabled={busy} onClick={() => setEditing(true)}>
                {trans.__('Edit')}
              </button>
              <button
                className={PLAIN}
                disabled={busy}
                title={trans.__('Do not ask again for %1 in this session', call.name)}
                onClick={() => void answer({ decision: 'always' })}
              >
                {trans.__('Always')}
              </button>
            </>
          )
        )}
        {(editing || denying) && (
          <button
            className={PLAIN}
            onClick={() => {
              setEditing(false);
              setDenying(false);
              setWrong('');
            }}
          >
            {trans.__('Back')}
          </button>
        )}
        {!editing && (
          <button
            className={WARN}
            disabled={busy}
            onClick={() => (denying ? void answer({ decision: 'deny', reason }) : setDenying(true))}
          >
            {trans.__('Deny')}
          </button>
        )}
      </div>
    </section>
  );
}

const ACCEPT = 'jp-mod-styled jp-mod-accept jp-Agent-button';
const PLAIN = 'jp-mod-styled jp-mod-reject jp-Agent-button';
const WARN = 'jp-mod-styled jp-mod-warn jp-Agent-button';

/** The person's own arguments. Throws SyntaxError where they are no JSON object. */
function edited(call: IToolCall, codeName: string | null, draft: string | null): JsonObject {
  if (draft === null) {
    return call.arguments;
  }
  if (codeName !== null) {
    return { ...call.arguments, [codeName]: draft };
  }
  const value = JSON.parse(draft);
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    throw new SyntaxError('{…}');
  }
  return value;
}
