/** Whether a node serves, and if not, why: a word for programs and a sentence for people. */
import { setTimeout as sleep } from 'node:timers/promises';
import { nodeTimes } from './node-times.ts';
import type { NodeReport } from './report.ts';

type State = NodeReport['state'];

export type NodeState = {
  readonly state: () => State;
  readonly reason: () => string | null;
  /**
   * Changes the state and reports the change. A node that has diverged stays diverged until
   * `rejoin`.
   */
  readonly change: (state: State, reason?: string) => void;
  /**
   * Call this when the node's copy no longer differs from the others. A node that has diverged then
   * catches up and serves again.
   */
  readonly rejoin: () => void;
  /** Resolves when the node serves for the first time. */
  readonly serving: Promise<void>;
  /**
   * Resolves to `undefined` if the node serves, and otherwise to a sentence that says why not. It
   * waits a moment while a leader is elected or etcd restarts, because that passes.
   */
  readonly admit: () => Promise<string | undefined>;
};

/** Creates the state of a node that starts. `report` is called with a sentence for each change. */
export const createNodeState = (node: number, report: (line: string) => void): NodeState => {
  let state: State = 'waiting';
  let reason: string | null = 'it starts';
  let next = Promise.withResolvers<void>();
  const { promise: serving } = next;
  const enter = (entered: State, why: string | null): void => {
    [state, reason] = [entered, why];
    report(reason === null ? `node ${node} serves` : `node ${node} is ${state}: ${reason}`);
    if (state !== 'serving') return;
    next.resolve();
    next = Promise.withResolvers();
  };
  return {
    state: () => state,
    reason: () => reason,
    change: (entered, why) => {
      const isHeld = state === 'diverged' && entered !== 'diverged';
      if (isHeld || (entered === state && (why ?? null) === reason)) return;
      enter(entered, why ?? null);
    },
    rejoin: () => {
      if (state === 'diverged') enter('catching-up', 'its copy equals a majority of the copies');
    },
    serving,
    admit: async () => {
      if (state === 'no-majority' || state === 'catching-up') {
        await Promise.race([next.promise, sleep(nodeTimes.electionMs, undefined, { ref: false })]);
      }
      return state === 'serving' ? undefined : `this node is ${state}: ${reason}`;
    },
  };
};
