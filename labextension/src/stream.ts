/** Reads a session's events: folds what is stored, keeps what is only live. Pure. */
import type { IOutput } from '@jupyterlab/nbformat';
import { apply } from './reducer';
import { emptySession } from './state';
import type { IEvent, IPartial, ISessionState } from './tokens';

/** Outputs kept of one call, at most; what came before them is dropped. */
const MAX_OUTPUTS = 200;
/** Characters of one live stream output, at most. */
const MAX_STREAM = 200_000;
/** Characters of all live outputs, at most; the oldest go first. What was kept is in the log. */
const MAX_LIVE = 16_000_000;

/** What the reader of the events has to do. */
export type Verdict = 'ok' | 'ignored' | 'gap';

export class SessionStream {
  readonly state: ISessionState = emptySession();
  readonly partials = new Map<string, IPartial>();
  readonly outputs = new Map<string, IOutput[]>();
  synced = false;

  /**
   * Take one event. 'gap' means that something is missing: subscribe again after `state.seq`.
   */
  push(event: IEvent): Verdict {
    if (event.seq > 0) {
      if (event.seq <= this.state.seq) {
        return 'ignored';
      }
      if (event.seq > this.state.seq + 1) {
        return 'gap';
      }
      apply(this.state, event);
      this._settle(event);
      return 'ok';
    }
    return this._live(event);
  }

  /** Forget what is only live: it is sent again after a new subscription. */
  cut(): void {
    this.synced = false;
    this.partials.clear();
  }

  private _settle(event: IEvent): void {
    if (event.type === 'message.completed') {
      this.partials.delete(event.data.message_id as string);
    } else if (event.type === 'retry.scheduled' || event.type === 'turn.ended') {
      for (const [id, partial] of this.partials) {
        if (partial.turn_id === event.turn_id) {
          this.partials.delete(id);
        }
      }
    } else if (event.type === 'turn.started') {
      this.outputs.clear(); // of the turns before, what the log keeps is shown
      this._size = 0;
    }
  }

  private _live(event: IEvent): Verdict {
    switch (event.type) {
      case 'message.delta':
        return this._append(event, 'text');
      case 'reasoning.delta':
        return this._append(event, 'reasoning');
      case 'message.partial': {
        const { message_id, text, reasoning } = event.data as Record<string, string>;
        this.partials.set(message_id, { turn_id: event.turn_id ?? '', text, reasoning });
        return 'ok';
      }
      case 'tool.output':
        this._output(event.data.call_id as string, event.data.output as IOutput);
        return 'ok';
      case 'synced':
        this.synced = true;
        return 'ok';
      case 'resync':
        this.cut();
        return 'ok';
      default:
        return 'ignored';
    }
  }

  private _append(event: IEvent, kind: 'text' | 'reasoning'): Verdict {
    const { message_id, offset, text } = event.data as {
      message_id: string;
      offset: number;
      text: string;
    };
    const known = this.partials.get(message_id);
    const sofar = known?.[kind] ?? '';
    const have = codePoints(sofar);
    if (offset > have) {
      return 'ignored'; // its beginning was missed; the completed message brings all of it
    }
    const fresh = offset === have ? text : [...text].slice(have - offset).join('');
    const partial = known ?? { turn_id: event.turn_id ?? '', text: '', reasoning: '' };
    this.partials.set(message_id, { ...partial, [kind]: sofar + fresh });
    return 'ok';
  }

  private _output(callId: string, output: IOutput): void {
    const outputs = [...(this.outputs.get(callId) ?? [])];
    const last = outputs[outputs.length - 1];
    if (
      output.output_type === 'stream' &&
      last?.output_type === 'stream' &&
      last.name === output.name
    ) {
      const text = joined(last.text) + joined(output.text);
      outputs[outputs.length - 1] = { ...last, text: text.slice(-MAX_STREAM) };
    } else {
      outputs.push(output);
    }
    const kept = outputs.slice(-MAX_OUTPUTS);
    this._size += sizeOf(kept) - sizeOf(this.outputs.get(callId) ?? []);
    this.outputs.set(callId, kept);
    this._drop();
  }

  /** Drop the oldest outputs while there are too many characters of them. */
  private _drop(): void {
    for (const [id, outputs] of this.outputs) {
      const kept = [...outputs];
      while (this._size > MAX_LIVE && kept.length > 0) {
        this._size -= sizeOf([kept.shift()!]);
      }
      if (kept.length === 0) {
        this.outputs.delete(id);
      } else if (kept.length < outputs.length) {
        this.outputs.set(id, kept);
      }
      if (this._size <= MAX_LIVE) {
        return;
      }
    }
  }

  /** Characters of all live outputs. */
  private _size = 0;
}

/** Offsets count code points, as the server's language does. */
function codePoints(text: string): number {
  let count = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit >= 0xd800 && unit <= 0xdbff) {
      const next = text.charCodeAt(i + 1);
      if (next >= 0xdc00 && next <= 0xdfff) {
        count--;
        i++;
      }
    }
  }
  return count;
}

const sizes = new WeakMap<IOutput, number>();

/** About how many characters the outputs hold. */
function sizeOf(outputs: readonly IOutput[]): number {
  let sum = 0;
  for (const output of outputs) {
    let size = sizes.get(output);
    if (size === undefined) {
      size = output.output_type === 'stream' ? joined(output.text).length : measure(output);
      sizes.set(output, size);
    }
    sum += size;
  }
  return sum;
}

function measure(output: IOutput): number {
  return JSON.stringify(output).length;
}

function joined(text: unknown): string {
  return Array.isArray(text) ? text.join('') : String(text ?? '');
}
