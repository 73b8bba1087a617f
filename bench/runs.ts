/** The three runs of `npm run bench`. A run starts what it needs in `folder` and ends it. */
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { createPerform, readDescription } from './described.ts';
import { type Freshness, measureFreshness } from './fresh.ts';
import { createSend } from './http.ts';
import { type Figure, measure, warmUp } from './measure.ts';
import { startNodes } from './nodes.ts';
import type { Options } from './options.ts';
import { processesUnder } from './processes.ts';
import { describeMachine, type Report } from './report.ts';
import {
  type Subject,
  startInProcess,
  startVault,
  storeAt,
  vaultAt,
  vaultDescription,
} from './subjects.ts';

type Results = Pick<Report, 'figures' | 'fresh'>;
export type Run = (options: Options, folder: string) => Promise<Results>;

const tenant = 'bench';

const peersOf = ({ peer }: Options): readonly Subject[] =>
  peer === undefined ? [] : [storeAt(readDescription(peer.description), peer.urls)];

/** All requested figures. */
const measureAll = async (
  options: Options,
  subjects: readonly Subject[],
): Promise<readonly Figure[]> => {
  const { operations, forMs } = options;
  const figures: Figure[] = [];
  const { processors } = describeMachine();
  for (const operation of operations) {
    process.stderr.write(`${operation}, warming up\n`);
    await warmUp(subjects, operation, forMs);
  }
  for (const operation of operations) {
    for (const clients of options.clients) {
      process.stderr.write(`${operation}, clients: ${clients}\n`);
      figures.push(...(await measure(subjects, { operation, clients, forMs }, processors)));
    }
  }
  return figures;
};

/** One vault, the floor by itself and behind HTTP, and the handlers alone, each with its own store. */
export const measureOneNode: Run = async (options, folder) => {
  const subjects: Subject[] = [];
  try {
    subjects.push(await startVault(mkdtempSync(join(folder, 'vault-'))));
    for (const subject of ['floor, HTTP', 'floor', 'handlers'] as const) {
      subjects.push(await startInProcess(mkdtempSync(join(folder, 'floor-')), subject));
    }
    subjects.push(...peersOf(options));
    return { figures: await measureAll(options, subjects) };
  } finally {
    for (const subject of subjects) await subject.close();
  }
};

/** Runs `work` with the addresses and the token of three new nodes. */
const withCluster = async <Result>(
  folder: string,
  work: (urls: readonly string[], token: string) => Promise<Result>,
): Promise<Result> => {
  const nodes = await startNodes(mkdtempSync(join(folder, 'cluster-')));
  try {
    return await work(nodes.urls, await nodes.tokenOf(tenant));
  } finally {
    await nodes.close();
  }
};

/** Measures three nodes, with the clients spread over all of them. */
export const measureCluster: Run = (options, folder) =>
  withCluster(folder, async (urls, token) => {
    const vault = vaultAt(urls, token, processesUnder(process.pid));
    const subjects = [vault, ...peersOf(options)];
    const figures = await measureAll(options, subjects);
    for (const subject of subjects) await subject.close();
    return { figures };
  });

/** Measures first reads at another node, of three nodes and of the peer. */
export const checkFreshness: Run = ({ peer }, folder) =>
  withCluster(folder, async (urls, token) => {
    const fresh: Freshness[] = [];
    const { send, close } = createSend(urls);
    const perform = createPerform(vaultDescription, send, { TOKEN: token });
    fresh.push(await measureFreshness('vault', perform));
    close();
    if (peer !== undefined) {
      const described = readDescription(peer.description);
      const other = createSend(peer.urls);
      const performThere = createPerform(described, other.send, process.env);
      fresh.push(await measureFreshness(described.name, performThere));
      other.close();
    }
    return { figures: [], fresh };
  });
