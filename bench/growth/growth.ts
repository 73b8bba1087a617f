/**
 * `npm run bench -- growth` fills a vault with many secrets, and measures what grows with them. Run again on the same
 * folder, it goes on with the filling where it was, or only measures.
 */
import { rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startProgram } from '../../local/process/supervisor.ts';
import { failure } from '../../system/failures.ts';
import { type Memory, memoryOf } from '../processes.ts';
import { describeMachine, type Machine, shown, tableOf } from '../report.ts';
import { environment, root } from '../subjects.ts';
import { fillWith, versionsEach } from './filling.ts';
import { type Host, startEmbedded, startNodes } from './hosts.ts';
import { type Facts, measureMembers } from './members.ts';
import { type Latency, measureRequests } from './requests.ts';

export type GrowthOptions = {
  readonly secrets: number;
  readonly folder: string;
  /** Three nodes, not `npm start`. */
  readonly isCluster: boolean;
};
export type Growth = {
  readonly machine: Machine;
  readonly secrets: number;
  readonly versionsEach: number;
  readonly of: 'npm start' | 'three nodes';
  readonly facts: Facts;
  readonly latencies: readonly Latency[];
};

const fillLanes = 3;
const lookEveryMs = 100;
const say = (line: string): void => void process.stderr.write(`${line}\n`);

/** Runs a program of `local/bin` to its end. Throws with its output if it fails. */
const runProgram = async (
  name: string,
  args: readonly string[],
  folder: string,
): Promise<{ readonly ms: number; readonly peakBytes: number }> => {
  say(`${name} ${args.join(' ')}`);
  const began = performance.now();
  const child = startProgram(
    process.execPath,
    [join(root, 'local', 'bin', `${name}.ts`), ...args],
    {
      cwd: root,
      env: environment({ VAULT_DATA_DIR: folder }),
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      said = `${said}${chunk}`.slice(-2_000);
    });
  }
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  let memory: Memory | undefined;
  while (child.exitCode === null && child.signalCode === null) {
    memory = memoryOf(child.pid ?? 0) ?? memory;
    await sleep(lookEveryMs);
  }
  if ((await ended) !== 0) throw failure(`${name} failed: ${said}`);
  return { ms: performance.now() - began, peakBytes: memory?.peak ?? Number.NaN };
};

/** The memory of each process: all of it, and what is not only the cache of a file. */
const memoryFacts = (host: Host, when: string): Facts => {
  const facts: Record<string, number> = {};
  const counts = new Map<string, number>();
  for (const { pid, kind } of host.processes()) {
    const memory = memoryOf(pid);
    if (memory === undefined || kind === 'other') continue;
    const number = (counts.get(kind) ?? 0) + 1;
    counts.set(kind, number);
    facts[`memory of ${kind} ${number}, ${when}, bytes`] = memory.resident;
    facts[`… of which its own, ${when}, bytes (${kind} ${number})`] = memory.own;
  }
  return facts;
};

const measureCopies = async ({ dataFolder }: Host, folder: string): Promise<Facts> => {
  const verified = await runProgram('inspect', ['--verify'], dataFolder);
  const file = join(folder, 'growth.backup');
  rmSync(file, { force: true });
  const copied = await runProgram('backup', [file], dataFolder);
  const { size } = statSync(file);
  rmSync(file);
  return {
    'inspect --verify ms': verified.ms,
    'inspect --verify, most memory, bytes': verified.peakBytes,
    'backup, read again, ms': copied.ms,
    'backup, most memory, bytes': copied.peakBytes,
    'backup bytes': size,
  };
};

/** Fills the vault in the folder up to this many secrets, and measures it. */
export const measureGrowth = async (options: GrowthOptions): Promise<Growth> => {
  const { secrets, folder, isCluster } = options;
  const start = () => (isCluster ? startNodes(folder) : startEmbedded(folder));
  let host = await start();
  const began = performance.now();
  const written = await fillWith(host.filled, secrets, fillLanes, (count) =>
    say(`${count} secrets`),
  );
  const fillMs = performance.now() - began;
  if (written > 0) {
    say(
      `${written} secrets written in ${Math.round(fillMs / 1_000)} s; the vault is started again`,
    );
    await host.close();
    host = await start();
  }
  try {
    const facts: Record<string, number> = { 'from start to service ms': host.startMs };
    if (written > 0) facts['filled per second'] = (1_000 * written) / fillMs;
    Object.assign(facts, memoryFacts(host, 'after the start'));
    const latencies = await measureRequests(host, secrets);
    Object.assign(facts, memoryFacts(host, 'after requests'));
    Object.assign(facts, await measureCopies(host, folder));
    Object.assign(facts, memoryFacts(host, 'at the end'));
    if (isCluster) Object.assign(facts, await measureMembers(folder));
    else facts['store bytes'] = statSync(join(folder, 'store.sqlite')).size;
    return {
      machine: describeMachine(),
      of: isCluster ? 'three nodes' : 'npm start',
      ...{ secrets, versionsEach, facts, latencies },
    };
  } finally {
    await host.close();
  }
};

/** The results as tables for people. */
export const growthText = ({ machine, secrets, of, facts, latencies }: Growth): string => {
  const { processors, model, node, load } = machine;
  const times = latencies.map(({ request, count, failed, p50, p99 }) => [
    ...[request, shown(p50), shown(p99), String(count), String(failed)],
  ]);
  const figures = Object.entries(facts).map(([what, figure]) => {
    if (what.endsWith(' ms')) return [what.slice(0, -3), `${shown(figure / 1_000)} s`];
    if (what.includes('bytes')) return [what, `${shown(figure / 1e6)} MB`];
    return [what, shown(figure)];
  });
  return [
    `${secrets} secrets of ${versionsEach} versions, ${of}`,
    `${processors} processors (${model}), Node ${node}, load average at the end ${shown(load)}`,
    tableOf([['request', 'p50 ms', 'p99 ms', 'count', 'failed'], ...times], 1),
    tableOf([['figure', ''], ...figures], 1),
  ].join('\n\n');
};
