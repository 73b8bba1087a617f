/** The measured subjects, which perform operations in processes whose processor time is known. */
import { join } from 'node:path';
import { createPerform, type Description, readDescription } from './described.ts';
import { createSender } from './http.ts';
import { runClosed, type Task } from './load.ts';
import { type Operation, type Preparer, prepareSingles, prepareVault } from './operations.ts';
import { processesNamed, processesUnder, type ServingProcess } from './processes.ts';
import { issueToken, startServing } from './programs.ts';
import type { Slice } from './statistics.ts';

export type Subject = {
  readonly name: string;
  /**
   * Prepares the operation that later calls of `run` perform. Returns false if the subject does not
   * have it.
   */
  readonly prepare: (operation: Operation, clients: number) => Promise<boolean>;
  readonly run: (clients: number, forMs: number) => Promise<Slice>;
  readonly processes: readonly ServingProcess[];
};

const vaultDescription = readDescription(join(import.meta.dirname, 'stores', 'vault.json'));

const subjectOf = (
  name: string,
  prepare: Preparer,
  processes: readonly ServingProcess[],
): Subject => {
  let task: Task | undefined;
  return {
    name,
    prepare: async (operation, clients) => {
      task = await prepare(operation, clients);
      return task !== undefined;
    },
    run: (clients, forMs) => {
      if (task === undefined) throw new Error('nothing is prepared');
      return runClosed(task, clients, forMs);
    },
    processes,
  };
};

/** Makes a subject of the vault that runs at these addresses. */
export const vaultAt = (
  urls: readonly string[],
  token: string,
  processes: readonly ServingProcess[],
): Subject => {
  const send = createSender(urls);
  const perform = createPerform(vaultDescription, send, { TOKEN: token });
  return subjectOf('vault', prepareVault(vaultDescription, perform, send, token), processes);
};

/** Makes a subject of another store, which the user has started. */
export const storeAt = (store: Description, urls: readonly string[]): Subject => {
  const prepare = prepareSingles(store, createPerform(store, createSender(urls), process.env));
  const processes = store.program === undefined ? [] : processesNamed(store.program);
  return subjectOf(`${store.name} (peer)`, prepare, processes);
};

/** Starts `npm start` on an empty folder. */
export const startVault = async (folder: string): Promise<Subject> => {
  const settings = { VAULT_DATA_DIR: folder, PORT: '0' };
  const { pid, url } = await startServing('start.ts', join(folder, 'output'), settings);
  return vaultAt([url], await issueToken(folder), processesUnder(pid));
};
