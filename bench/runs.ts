/**
 * The two runs of `npm run bench`. A run starts what it needs in `folder`; the end of the bench
 * ends it.
 */
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { readDescription } from './described.ts';
import { type Figure, measure, warmUp } from './measure.ts';
import { startNodes } from './nodes.ts';
import type { Options } from './options.ts';
import { processesUnder } from './processes.ts';
import { describeMachine } from './report.ts';
import { type Subject, startVault, storeAt, vaultAt } from './subjects.ts';

export type Measurement = (options: Options, folder: string) => Promise<readonly Figure[]>;

const peersOf = ({ peer }: Options): readonly Subject[] =>
  peer === undefined ? [] : [storeAt(readDescription(peer.description), peer.urls)];

/**
 * Measures each requested operation with each requested number of clients, and returns all figures.
 */
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

/** Measures one vault of `npm start`. */
export const measureOneNode: Measurement = async (options, folder) => {
  const vault = await startVault(mkdtempSync(join(folder, 'vault-')));
  return await measureAll(options, [vault, ...peersOf(options)]);
};

/** Measures three nodes, with the clients spread over all of them. */
export const measureCluster: Measurement = async (options, folder) => {
  const { urls, token } = await startNodes(folder);
  const vault = vaultAt(urls, token, processesUnder(process.pid));
  return await measureAll(options, [vault, ...peersOf(options)]);
};
