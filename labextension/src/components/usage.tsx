/** Tokens and money, in few words. */
import React from 'react';
import type { IUsage } from '../tokens';
import { usePanel } from './context';

export function UsageText(props: { usage: IUsage }): JSX.Element {
  const { trans } = usePanel();
  const { input_tokens, output_tokens, cached_tokens, reasoning_tokens, cost } = props.usage;
  const detail = trans.__(
    '%1 tokens in (%2 of them cached), %3 out (%4 of them reasoning)',
    input_tokens,
    cached_tokens,
    output_tokens,
    reasoning_tokens
  );
  return (
    <span title={detail}>
      {trans.__('%1 tokens', short(input_tokens + output_tokens))}
      {cost !== null && ` · $${cost < 0.01 ? cost.toFixed(4) : cost.toFixed(2)}`}
    </span>
  );
}

function short(tokens: number): string {
  return tokens < 10_000 ? String(tokens) : `${Math.round(tokens / 1000)}k`;
}
