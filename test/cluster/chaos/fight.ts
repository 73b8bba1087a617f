/**
 * Runs clients and faults at the same time, and returns what was found once the nodes have come to
 * rest.
 */
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { type Crowd, startCrowd } from './crowd.ts';
import { createFaults, type FaultKind, possibleKinds } from './faults.ts';
import { microseconds, openHistory } from './history.ts';
import { type Nemesis, startNemesis } from './nemesis.ts';
import type { Network } from './network.ts';
import type { Nodes } from './nodes.ts';
import { settle } from './settle.ts';
import type { NetworkName } from './site.ts';

export type ChaosOptions = {
  readonly seed: number;
  /** The run ends after this many operations and faults, or after this many seconds. */
  readonly operations: number;
  readonly faults: number;
  readonly seconds: number;
  readonly clients: number;
  readonly kinds: readonly FaultKind[];
  readonly network: NetworkName;
  /** The share of the functions' calls to etcd that meet a fault, from 0 to 1. */
  readonly hostility: number;
  /** Where all files of the run are written. */
  readonly folder: string;
  readonly say: (line: string) => void;
};

export type Fought = {
  readonly failures: readonly string[];
  readonly faults: number;
  readonly byKind: Readonly<Record<string, number>>;
};

const recoveryMsMax = 120_000;

const progress = (crowd: Crowd, nemesis: Nemesis, seconds: number): string =>
  `${String(seconds).padStart(4)} s: ${crowd.operations()} operations, ${nemesis.faults()} faults, ` +
  `${crowd.refusals()} refused for the time being, ${crowd.repeats()} repeated, ${crowd.replays()} replayed`;

export const fight = async (
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
  const crowd: Crowd = startCrowd({
    ...{
      seed,
      clients: options.clients,
      urls: nodes.all.map(nodes.urlOf),
      token: nodes.token,
      history,
    },
    isOver: (operations) =>
      isLate() || (operations >= options.operations && nemesis.faults() >= options.faults),
  });
  const nemesis: Nemesis = startNemesis({
    ...{ seed, nodes, faults: createFaults(nodes, network) },
    kinds: possibleKinds(options.kinds, network),
    isOver: (faults) => isLate() || faults >= options.faults,
    // Spreads the faults evenly from the first operation to the last.
    isAhead: (faults) => faults / options.faults > crowd.operations() / options.operations,
    report: (line) => log.write(`${microseconds()} ${line}\n`),
  });
  const ticking = setInterval(() => say(progress(crowd, nemesis, seconds())), 10_000);
  await crowd.ended;
  await nemesis.ended;
  clearInterval(ticking);
  say(progress(crowd, nemesis, seconds()));
  log.end();
  const failures = crowd.unplanned.map((reply) => `not a reply of the contract: ${reply}`);
  const unsettled = await settle(nodes, recoveryMsMax);
  say(`${seconds()} s: ${unsettled.length === 0 ? 'the nodes agree' : 'the nodes do not agree'}`);
  failures.push(...unsettled.map((state) => `at rest: ${state}`));
  try {
    await crowd.readAll();
  } catch (error) {
    failures.push(String(error));
  }
  await history.close();
  return {
    failures: failures.slice(0, 40),
    ...{ faults: nemesis.faults(), byKind: nemesis.byKind() },
  };
};
