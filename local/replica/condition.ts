/** Whether a node serves, and if not, why: one word for programs, one sentence for people. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { NodeReport } from './report.ts';

type State = NodeReport['state'];

export type Condition = {
  readonly state: () => State;
  readonly reason: () => string | null;
  /** Every change is reported. A node that has diverged stays so, whatever else comes, until `rejoin`. */
  readonly change: (state: State, reason?: string) => void;
  /** It differs no more: it serves again as soon as it has caught up. */
  readonly rejoin: (reason: string) => void;
  /** Resolves the first time that the node serves. */
  readonly serving: Promise<void>;
  /**
   * Resolves to `undefined` if the node serves, else to why it does not. While a new leader is elected it waits a
   * moment: that passes by itself.
   */
  readonly admit: () => Promise<string | undefined>;
};

/** A new leader is elected within this, if a majority is there. */
const electionMs = 1_800;

/** `report` gets a sentence for each change. */
export const createCondition = (node: number, report: (line: string) => void): Condition => {
  let state: State = 'waiting';
  let reason: string | null = 'it starts';
  let wake: () => void = () => undefined;
  const enter = (next: State, why: string | null): void => {
    state = next;
    reason = why;
    report(reason === null ? `node ${node} serves` : `node ${node} is ${state}: ${reason}`);
    if (state !== 'serving') return;
    wake();
    wake = () => undefined;
  };
  const untilServing = (): Promise<void> =>
    new Promise((resolve) => {
      const before = wake;
      wake = () => {
        before();
        resolve();
      };
    });
  return {
    state: () => state,
    reason: () => reason,
    change: (next, why) => {
      const isHeld = state === 'diverged' && next !== 'diverged';
      if (isHeld || (next === state && (why ?? null) === reason)) return;
      enter(next, why ?? null);
    },
    rejoin: (why) => {
      if (state === 'diverged') enter('catching-up', why);
    },
    serving: untilServing(),
    admit: async () => {
      if (state === 'no-majority') {
        await Promise.race([untilServing(), sleep(electionMs, undefined, { ref: false })]);
      }
      return state === 'serving' ? undefined : `this node is ${state}: ${reason}`;
    },
  };
};
