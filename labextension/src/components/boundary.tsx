/** A part that cannot be drawn says so, and takes nothing else with it. */
import type { ReactNode } from 'react';
import React from 'react';

interface IProps {
  /** Shown in place of what failed. */
  instead: string;
  children: ReactNode;
}

export class Boundary extends React.Component<IProps, { failed: boolean }> {
  state = { failed: false };

  static getDerivedStateFromError(): { failed: boolean } {
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
