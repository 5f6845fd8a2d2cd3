/** A question of the agent's, with the answers that it offers and any other. */
import React, { useState } from 'react';
import type { IRequest } from '../tokens';
import { usePanel } from './context';

export function Question(props: { request: IRequest }): JSX.Element {
  const { sessions, trans } = usePanel();
  const { request } = props;
  const [text, setText] = useState('');
  const question = String(request.payload.question ?? '');
  const options = ((request.payload.options ?? []) as string[]).map(String);
  const answer = (value: string): void => {
    const { request_id, args_hash } = request;
    void sessions.current?.answer(request_id, { decision: 'answer', answer: value, args_hash });
  };
  return (
    <section className="jp-Agent-decision" aria-label={trans.__('Question of the agent')}>
      <p className="jp-Agent-question">{question}</p>
      <div className="jp-Agent-actions">
        {options.map(option => (
          <button
            key={option}
            className="jp-mod-styled jp-mod-reject jp-Agent-button"
            onClick={() => answer(option)}
          >
            {option}
          </button>
        ))}
      </div>
      <form
        className="jp-Agent-row"
        onSubmit={event => {
          event.preventDefault();
          if (text.trim()) {
            answer(text.trim());
          }
        }}
      >
        <input
          className="jp-mod-styled"
          value={text}
          aria-label={trans.__('Your answer')}
          placeholder={options.length ? trans.__('Another answer') : trans.__('Your answer')}
          onChange={event => setText(event.target.value)}
        />
        <button className="jp-mod-styled jp-mod-accept jp-Agent-button" disabled={!text.trim()}>
          {trans.__('Answer')}
        </button>
      </form>
    </section>
  );
}
