/** One run of chaos, from the first start of the nodes to the verdict. */
import { createWriteStream, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { buildChecker, checkHistory, type Report } from './checker.ts';
import { type Crowd, startCrowd } from './crowd.ts';
import { createFaults, type FaultKind } from './faults.ts';
import { microseconds, openHistory } from './history.ts';
import { createNamespaces, type Network } from './namespaces.ts';
import { type Nemesis, startNemesis } from './nemesis.ts';
import { type Nodes, startNodes } from './nodes.ts';
import { settle } from './settle.ts';
import type { Verified } from './verified.ts';

export type ChaosOptions = {
  readonly seed: number;
  /** The run goes on until it had as many, for at most so many seconds. */
  readonly operations: number;
  readonly faults: number;
  readonly seconds: number;
  readonly clients: number;
  readonly kinds: readonly FaultKind[];
  readonly firstPort: number;
  /** Takes all files of the run. */
  readonly folder: string;
  readonly say: (line: string) => void;
};

export type ChaosResult = {
  readonly ok: boolean;
  readonly seed: number;
  /** Why it is not; empty if it is. */
  readonly failures: readonly string[];
  readonly faults: number;
  readonly faultsByKind: Readonly<Record<string, number>>;
  readonly history: Report;
  readonly items: number;
  readonly digests: readonly string[];
  readonly seconds: number;
};

type Fought = {
  readonly failures: readonly string[];
  readonly faults: number;
  readonly byKind: Readonly<Record<string, number>>;
};

const startMsMax = 60_000;
const recoveryMsMax = 120_000;

const progress = (crowd: Crowd, nemesis: Nemesis, seconds: number): string =>
  `${String(seconds).padStart(4)} s: ${crowd.operations()} operations, ${nemesis.faults()} faults, ` +
  `${crowd.refusals()} refused for the time being, ${crowd.repeats()} repeated, ${crowd.replays()} replayed`;

/** Clients and faults at once, until there were enough of both. */
const fight = async (
  options: ChaosOptions,
  nodes: Nodes,
  network: Network,
  historyFile: string,
): Promise<Fought> => {
  const { seed, say, folder } = options;
  const began = performance.now();
  const seconds = () => Math.floor((performance.now() - began) / 1_000);
  const isLate = () => seconds() > options.seconds;
  const history = openHistory(historyFile);
  const log = createWriteStream(join(folder, 'faults.log'));
  const nemesis: Nemesis = startNemesis({
    ...{ seed, nodes, faults: createFaults(nodes, network), kinds: options.kinds },
    isOver: (faults) => isLate() || faults >= options.faults,
    report: (line) => log.write(`${microseconds()} ${line}\n`),
  });
  const crowd = startCrowd({
    ...{ seed, clients: options.clients, urls: nodes.urls, token: nodes.token, history },
    isOver: (operations) =>
      isLate() || (operations >= options.operations && nemesis.faults() >= options.faults),
  });
  const ticking = setInterval(() => say(progress(crowd, nemesis, seconds())), 10_000);
  await Promise.all([crowd.ended, nemesis.ended]);
  clearInterval(ticking);
  say(progress(crowd, nemesis, seconds()));
  log.end();
  const failures = crowd.unplanned.map((reply) => `not a reply of the contract: ${reply}`);
  const unsettled = await settle(nodes, recoveryMsMax);
  say(`${seconds()} s: ${unsettled.length === 0 ? 'the nodes agree' : 'the nodes do not agree'}`);
  failures.push(...unsettled.map((state) => `after ${recoveryMsMax / 1_000} s at rest: ${state}`));
  try {
    await crowd.readAll();
  } catch (error) {
    failures.push(String(error));
  }
  await history.close();
  return { failures: failures.slice(0, 40), faults: nemesis.faults(), byKind: nemesis.byKind() };
};

/** What the nodes' tables hold: the same, and nothing that breaks an invariant. */
const compareTables = async (
  nodes: Nodes,
): Promise<{
  readonly items: number;
  readonly digests: readonly string[];
  readonly failures: readonly string[];
}> => {
  const tables: Verified[] = [];
  const failures: string[] = [];
  for (const node of nodes.all) {
    try {
      const table = await nodes.readTable(node, node === 1 ? 'checked' : 'read');
      tables.push(table);
      const broken = table.violations.slice(0, 10);
      failures.push(...broken.map(({ pk, problem }) => `node ${node}: ${pk} ${problem}`));
    } catch (error) {
      failures.push(`the table of node ${node} cannot be read: ${error}`);
    }
  }
  const digests = tables.map(({ digest }) => digest);
  if (new Set(digests).size > 1) failures.push(`the tables differ: ${digests.join(', ')}`);
  return { items: tables[0]?.items ?? 0, digests, failures };
};

const judge = async (
  options: ChaosOptions,
  nodes: Nodes,
  network: Network,
): Promise<ChaosResult> => {
  const { seed, folder, say } = options;
  const began = performance.now();
  for (const node of nodes.all) nodes.start(node);
  const notStarted = await settle(nodes, startMsMax);
  if (notStarted.length > 0) throw new Error(`not started: ${notStarted.join('; ')}`);

  const historyFile = join(folder, 'history.jsonl');
  const fought = await fight(options, nodes, network, historyFile);
  const tables = await compareTables(nodes);
  const history = await checkHistory(historyFile, folder);
  const failures = [...fought.failures, ...tables.failures, ...history.problems];
  for (const exit of nodes.exits()) say(`ended by itself: ${exit}`);
  const result = {
    ...{ ok: failures.length === 0 && history.verdict === 'Ok', seed, failures },
    ...{ faults: fought.faults, faultsByKind: fought.byKind, history, items: tables.items },
    ...{ digests: tables.digests, seconds: Math.round((performance.now() - began) / 1_000) },
  };
  for (const line of summary(result)) say(line);
  return result;
};

const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;

const summary = (result: ChaosResult): readonly string[] => {
  const { history, faultsByKind, digests } = result;
  const kinds = Object.entries(faultsByKind).map(([kind, count]) => `${kind} ${count}`);
  return [
    `seed ${result.seed}, ${result.seconds} s`,
    `operations: ${history.operations} in ${history.groups} groups, ${percent(history.overlapping)} overlapping, ` +
      `${percent(history.refused)} refused by a condition, ${history.unknown} unclear of which ${history.resolved} took place`,
    `faults: ${result.faults} (${kinds.join(', ')})`,
    `verdict: ${history.verdict}`,
    `digests of ${result.items} items: ${digests.map((digest) => digest.slice(0, 16)).join(' ')}`,
    ...result.failures.map((failure) => `FAILED: ${failure}`),
  ];
};

/** Throws if the nodes do not even start. Nothing is left running, also after a signal. */
export const runChaos = async (options: ChaosOptions): Promise<ChaosResult> => {
  const { folder, firstPort, say, seed, clients } = options;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  buildChecker();
  say(`seed ${seed}: ${clients} clients; history, logs and data are in ${folder}`);
  const network = createNamespaces(3);
  let nodes: Nodes | undefined;
  const close = async () => {
    await nodes?.close();
    network.close();
  };
  const stop = () => void close().then(() => process.exit(130));
  process.once('SIGINT', stop).once('SIGTERM', stop);
  try {
    nodes = await startNodes({ folder, network, count: 3, firstPort });
    return await judge(options, nodes, network);
  } finally {
    await close();
  }
};
