/** Runs chaos once, from the first start of the nodes to the verdict. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Check, checkLogs, checkSentence } from '../../../cli/log/check.ts';
import { linesOfFile } from '../../../system/log-files.ts';
import { buildChecker, checkHistory, type Report } from './checker.ts';
import { type ChaosOptions, fight } from './fight.ts';
import type { Met } from './hostility.ts';
import type { Nodes } from './nodes.ts';
import type { Verified } from './read-table.ts';
import { settle } from './settle.ts';
import { openSite, type Site } from './site.ts';

export type ChaosResult = {
  readonly ok: boolean;
  readonly seed: number;
  /** What went wrong; empty if nothing did. */
  readonly failures: readonly string[];
  readonly faults: number;
  readonly faultsByKind: Readonly<Record<string, number>>;
  readonly history: Report;
  /** What the adversary did to the calls from the nodes' functions to etcd. */
  readonly met: Met;
  /** What the check of the nodes' logs found. */
  readonly logs: Check;
  readonly items: number;
  readonly digests: readonly string[];
  readonly seconds: number;
};

const startMsMax = 60_000;

/**
 * Reads the tables of all nodes. They must be equal, and nothing in them may break an invariant.
 */
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
      const [what] = /^\w*(Error|Unavailable|Exception)\b.*/m.exec(String(error)) ?? [error];
      failures.push(`the table of node ${node} cannot be read: ${what}`);
    }
  }
  const digests = tables.map(({ digest }) => digest);
  if (new Set(digests).size > 1) failures.push(`the tables differ: ${digests.join(', ')}`);
  return { items: tables[0]?.items ?? 0, digests, failures };
};

/** Checks the logs of all nodes as `dsvault log check` does. The nodes share one clock. */
const checkLogsIn = (folder: string, { all }: Nodes): Promise<Check> => {
  const logs = all.map((node) => linesOfFile(join(folder, `node-${node}.functions.log`)));
  const always = { from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY };
  const options = { clocksMs: 0, isOrdered: true };
  return checkLogs(logs, { ...always, tenant: undefined }, options);
};

const judge = async (options: ChaosOptions, { nodes, network }: Site): Promise<ChaosResult> => {
  const { seed, folder, say } = options;
  const began = performance.now();
  for (const node of nodes.all) nodes.start(node);
  const notStarted = await settle(nodes, startMsMax);
  if (notStarted.length > 0) throw new Error(`not started: ${notStarted.join('; ')}`);

  const historyFile = join(folder, 'history.jsonl');
  const fought = await fight(options, nodes, network, historyFile);
  const tables = await compareTables(nodes);
  const met = await nodes.met();
  const history = await checkHistory(historyFile, folder);
  const logs = await checkLogsIn(folder, nodes);
  const failures = [
    ...fought.failures,
    ...logs.contradictions.map(
      ({ secret, says, lines: [one, other] }) =>
        `the logs contradict each other: ${secret} ${says} (${one.requestId}, ${other.requestId})`,
    ),
    ...tables.failures,
    ...history.problems,
    ...met.violations.map((violation) => `a call that must not be: ${violation}`),
  ];
  for (const exit of nodes.exits()) say(`ended by itself: ${exit}`);
  const result = {
    ...{ ok: failures.length === 0 && history.verdict === 'Ok', seed, failures },
    ...{ faults: fought.faults, faultsByKind: fought.byKind, history, items: tables.items },
    ...{ met, logs, digests: tables.digests },
    seconds: Math.round((performance.now() - began) / 1_000),
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
    `calls of the functions: ${result.met.calls}, and what befell them: ${JSON.stringify(result.met.faults)}`,
    `logs of the nodes: ${checkSentence(result.logs)}`,
    `verdict: ${history.verdict}`,
    `digests of ${result.items} items: ${digests.map((digest) => digest.slice(0, 16)).join(' ')}`,
    ...result.failures.map((failure) => `FAILED: ${failure}`),
  ];
};

/**
 * Runs chaos once with these options. Throws if the nodes do not start. Leaves no process running,
 * even when a signal ends the run.
 */
export const runChaos = async (options: ChaosOptions): Promise<ChaosResult> => {
  const { folder, say, seed, clients } = options;
  const hostility = { seed, share: options.hostility };
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  buildChecker();
  say(
    `seed ${seed}: ${clients} clients, ${options.network}; history, logs and data are in ${folder}`,
  );
  const site = await openSite({ folder, network: options.network, hostility });
  try {
    return await judge(options, site);
  } finally {
    await site.close();
  }
};
