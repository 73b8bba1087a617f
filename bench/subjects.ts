/** The measured subjects, which perform operations in processes whose processor time is known. */
import { join } from 'node:path';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { KMSClient } from '@aws-sdk/client-kms';
import { clientOptions, trimmed } from '../functions/runtime/clients.ts';
import { closeAtEnd } from '../local/process/ending.ts';
import { report } from '../local/process/program.ts';
import { readTemplate } from '../local/template.ts';
import { startServices } from '../local/vaults/standalone.ts';
import { usage } from '../system/failures.ts';
import { createPerform, type Description, readDescription } from './described.ts';
import { prepareFloor } from './floor.ts';
import { createSender } from './http.ts';
import { runClosed, type Task } from './load.ts';
import { type Operation, type Preparer, prepareSingles, prepareVault } from './operations.ts';
import { processesNamed, processesUnder, type ServingProcess } from './processes.ts';
import { issueToken, startServing } from './programs.ts';
import type { Slice } from './statistics.ts';

export type Subject = {
  readonly name: string;
  /** Prepares the operation that later calls of `run` perform. Returns false if the subject does not have it. */
  readonly prepare: (operation: Operation, clients: number) => Promise<boolean>;
  readonly run: (clients: number, forMs: number) => Promise<Slice>;
  readonly processes: readonly ServingProcess[];
};

export const vaultDescription = readDescription(join(import.meta.dirname, 'stores', 'vault.json'));

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

/** A running vault at these addresses. */
export const vaultAt = (
  urls: readonly string[],
  token: string,
  processes: readonly ServingProcess[],
): Subject => {
  const send = createSender(urls);
  const perform = createPerform(vaultDescription, send, { TOKEN: token });
  return subjectOf('vault', prepareVault(vaultDescription, perform, send, token), processes);
};

/** Another store, started by the user. */
export const storeAt = (store: Description, urls: readonly string[]): Subject => {
  const prepare = prepareSingles(store, createPerform(store, createSender(urls), process.env));
  const processes = store.program === undefined ? [] : processesNamed(store.program);
  return subjectOf(`${store.name} (peer)`, prepare, processes);
};

/** `npm start` on an empty folder. */
export const startVault = async (folder: string): Promise<Subject> => {
  const settings = { VAULT_DATA_DIR: folder, PORT: '0' };
  const { pid, url } = await startServing('start.ts', join(folder, 'output'), settings);
  return vaultAt([url], await issueToken(folder), processesUnder(pid));
};

/**
 * The floor: the calls of the vault, made by this process on a store and a master key of its own. To be started before
 * other subjects, because every process that runs below this one counts as the floor's.
 */
export const startFloor = async (folder: string): Promise<Subject> => {
  const elsewhere = ['AWS_ENDPOINT_URL_DYNAMODB', 'AWS_ENDPOINT_URL_KMS', 'MASTER_KEY_ID'].filter(
    (name) => process.env[name],
  );
  if (elsewhere.length > 0) {
    throw usage(
      `the bench has a store and a master key of its own: unset ${elsewhere.join(' and ')}`,
    );
  }
  const { table } = await readTemplate();
  const { running, close } = await startServices({ folder, store: 'dynoxide', table, report });
  closeAtEnd(close);
  const dynamodb = new DynamoDBClient({ maxAttempts: 1 });
  // The embedded master key is in this process and has no address.
  const kms = trimmed(new KMSClient(clientOptions()));
  const own = { pid: process.pid, kind: 'node' };
  const processes = [own, ...processesUnder(process.pid)];
  return subjectOf('floor', await prepareFloor({ dynamodb, kms, ...running }), processes);
};
