/** A part that cannot be drawn says so, and takes nothing else with it. */
import type { ReactNode } from 'react';
import React from 'react';

interface IProps {
  /** What is drawn; when it changes, it is tried again. */
  of: unknown;
  /** Shown in place of what failed. */
  instead: string;
  children: ReactNode;
}

interface IState {
  failed: boolean;
  of: unknown;
}

export class Boundary extends React.Component<IProps, IState> {
  state = { failed: false, of: this.props.of };

  static getDerivedStateFromProps({ of }: IProps, state: IState): IState | null {
    return of === state.of ? null : { failed: false, of };
  }

  static getDerivedStateFromError(): Partial<IState> {
    return { failed: true };
  }

  componentDidCatch(error: Error): void {
    console.error('A part of the agent’s panel could not be drawn.', error);
  }

  render(): ReactNode {
    return this.state.failed ? (
      <p className="jp-Agent-note jp-mod-failed">{this.props.instead}</p>
    ) : (
      this.props.children
    );
  }
}
