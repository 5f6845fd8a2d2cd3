/** Hooks: draw again when a signal says so. */
import type { ISignal } from '@lumino/signaling';
import { useEffect, useReducer, useRef } from 'react';

/** Draw again whenever one of the signals is emitted. Returns a number that grows with each. */
export function useSignals(...signals: (ISignal<unknown, unknown> | undefined)[]): number {
  const [version, draw] = useReducer((n: number) => n + 1, 0);
  useEffect(() => {
    const slot = (): void => draw();
    signals.forEach(signal => signal?.connect(slot));
    return () => signals.forEach(signal => signal?.disconnect(slot));
  }, signals);
  return version;
}

/** What `read` gives now; draw again when a signal comes after which it gives something else. */
export function useValue<T>(signal: ISignal<unknown, unknown> | undefined, read: () => T): T {
  const [, draw] = useReducer((n: number) => n + 1, 0);
  const drawn = useRef<T>();
  drawn.current = read();
  useEffect(() => {
    const slot = (): void => {
      if (read() !== drawn.current) {
        draw();
      }
    };
    signal?.connect(slot);
    return () => {
      signal?.disconnect(slot);
    };
  }, [signal]);
  return drawn.current;
}

/** Draw again every `every` milliseconds while `active`. */
export function useTick(every: number, active: boolean): void {
  const [, draw] = useReducer((n: number) => n + 1, 0);
  useEffect(() => {
    if (!active) {
      return;
    }
    const timer = window.setInterval(draw, every);
    return () => window.clearInterval(timer);
  }, [every, active]);
}
