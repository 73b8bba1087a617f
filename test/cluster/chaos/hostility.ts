/** Starts the adversary: one process for each node, between its functions and its etcd. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { program, type Running } from './processes.ts';

/** Every value that a run stores contains this text, and nothing else does. */
export const canary = 'chaos-canary';

export type Hostility = {
  readonly seed: number;
  /** The share of the calls that meet a fault, from 0 to 1. */
  readonly share: number;
};

export type Met = {
  readonly calls: number;
  readonly faults: Readonly<Record<string, number>>;
  /** The calls with a plaintext value that the adversaries received. There must be none. */
  readonly violations: readonly string[];
};

type Parts = {
  readonly folder: string;
  /** The folder of each node, and the socket on which its adversary listens. */
  readonly places: readonly { readonly target: string; readonly socket: string }[];
  readonly run: (name: string, command: readonly string[], env: NodeJS.ProcessEnv) => Running;
};

/** Starts an adversary for each node. `close` ends them and returns the sum of their reports. */
export const startAdversaries = (
  { folder, places, run }: Parts,
  { seed, share }: Hostility,
): { readonly close: () => Promise<Met> } => {
  const running = places.map(({ target, socket }, index) => {
    const node = index + 1;
    const report = join(folder, `adversary-${node}.json`);
    const numbers = [seed + node, share].map(String);
    const command = program('test/cluster/chaos/adversary.ts', target, socket, ...numbers, report);
    return { report, child: run(`adversary-${node}`, command, {}).child };
  });
  let told: Promise<Met> | undefined;
  const end = async (): Promise<Met> => {
    const all = await Promise.all(
      running.map(async ({ report, child }): Promise<Met> => {
        const hasEnded = child.exitCode !== null || child.signalCode !== null;
        const ended = hasEnded ? undefined : once(child, 'exit');
        child.kill('SIGTERM');
        await ended;
        return JSON.parse(readFileSync(report, 'utf8'));
      }),
    );
    const faults: Record<string, number> = {};
    for (const [kind, count] of all.flatMap((met) => Object.entries(met.faults))) {
      faults[kind] = (faults[kind] ?? 0) + count;
    }
    return {
      calls: all.reduce((sum, { calls }) => sum + calls, 0),
      faults,
      violations: all.flatMap(({ violations }) => violations),
    };
  };
  return {
    close: () => {
      told ??= end();
      return told;
    },
  };
};
