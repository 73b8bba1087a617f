/** The adversary among the nodes: a process beside each of them, between the functions and its etcd. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { program, type Running } from './processes.ts';

/** In every value that a run stores, and in nothing else. */
export const canary = 'chaos-canary';

export type Hostility = {
  readonly seed: number;
  /** The share of the calls that meet a fault, from 0 to 1. */
  readonly share: number;
};

export type Met = {
  readonly calls: number;
  /** By kind. */
  readonly faults: Readonly<Record<string, number>>;
  /** Calls that the vault must never send. */
  readonly violations: readonly string[];
};

type Parts = {
  readonly folder: string;
  /** The folder of each node, and the socket at which its functions meet the adversary. */
  readonly places: readonly { readonly target: string; readonly socket: string }[];
  readonly run: (name: string, command: readonly string[], env: NodeJS.ProcessEnv) => Running;
};

/** Starts them all; `close` ends them and tells what they met together. */
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
