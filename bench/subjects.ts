/** The measured subjects, which perform operations in processes whose processor time is known. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openTokenKey } from '../local/identity/token-key.ts';
import { closeAtEnd } from '../local/process/ending.ts';
import { endChild, startProgram } from '../local/process/supervisor.ts';
import { findRunning, type RunningVault } from '../local/vaults/vault-records.ts';
import { failure } from '../system/failures.ts';
import { bareExchange } from './bare-server.ts';
import { createPerform, type Description, readDescription } from './described.ts';
import { createSend } from './http.ts';
import type { InProcess, Order } from './in-process.ts';
import { runClosed, type Work } from './load.ts';
import { type Operation, prepareSingles, prepareVault } from './operations.ts';
import { processesNamed, processesUnder, type ServingProcess } from './processes.ts';
import type { Slice } from './statistics.ts';

export type Subject = {
  readonly name: string;
  /** Prepares the operation that later calls of `run` perform. Returns false if the subject does not have it. */
  readonly prepare: (operation: Operation, clients: number) => Promise<boolean>;
  readonly run: (clients: number, forMs: number) => Promise<Slice>;
  readonly processes: readonly ServingProcess[];
  readonly close: () => Promise<void>;
};

export const root = join(import.meta.dirname, '..');
export const vaultDescription = readDescription(join(import.meta.dirname, 'stores', 'vault.json'));
export const scope = 'secrets:read secrets:write';
const startLimitMs = 30_000;
export const graceMs = 15_000;

/** The environment of a measured program, without settings of the user's store or key. */
export const environment = (more: NodeJS.ProcessEnv): NodeJS.ProcessEnv => {
  const { PATH, HOME, TMPDIR, NODE_OPTIONS } = process.env;
  return { PATH, HOME, TMPDIR, NODE_OPTIONS, ...more };
};

/** A running vault at these addresses. */
export const vaultAt = (
  urls: readonly string[],
  token: string,
  processes: readonly ServingProcess[],
): Subject => {
  const { send, close } = createSend(urls);
  const perform = createPerform(vaultDescription, send, { TOKEN: token });
  const prepare = prepareVault(vaultDescription, perform, send, token);
  return subjectOf('vault', prepare, processes, close);
};

/** Another store, started by the user. */
export const storeAt = (store: Description, urls: readonly string[]): Subject => {
  const { send, close } = createSend(urls);
  const prepare = prepareSingles(store, createPerform(store, send, process.env));
  const processes = store.program === undefined ? [] : processesNamed(store.program);
  return subjectOf(`${store.name} (peer)`, prepare, processes, close);
};

const subjectOf = (
  name: string,
  prepare: (operation: Operation, clients: number) => Promise<Work | undefined>,
  processes: readonly ServingProcess[],
  close: () => void,
): Subject => {
  let work: Work | undefined;
  return {
    name,
    prepare: async (operation, clients) => {
      work = await prepare(operation, clients);
      return work !== undefined;
    },
    run: (clients, forMs) => {
      if (work === undefined) throw new Error('nothing is prepared');
      return runClosed(work, clients, forMs);
    },
    processes,
    close: async () => close(),
  };
};

/** Starts `npm start` on a folder. Its output goes to a file there, so that nobody needs to read it. */
const startVaultProcess = async (
  folder: string,
): Promise<{ readonly child: ChildProcess; readonly running: RunningVault }> => {
  const log = openSync(join(folder, 'log'), 'a');
  const child = startProgram(process.execPath, [join(root, 'local', 'bin', 'start.ts')], {
    cwd: root,
    env: environment({ VAULT_DATA_DIR: folder, PORT: '0' }),
    stdio: ['ignore', log, log],
  });
  const until = performance.now() + startLimitMs;
  let running = findRunning(folder);
  while (running === undefined) {
    if (child.exitCode !== null || performance.now() > until) {
      child.kill('SIGKILL');
      throw failure(`the vault did not start: ${readFileSync(join(folder, 'log'), 'utf8')}`);
    }
    await sleep(20);
    running = findRunning(folder);
  }
  return { child, running };
};

/** `npm start` on a new folder. */
export const startVault = async (folder: string): Promise<Subject> => {
  const { child, running } = await startVaultProcess(folder);
  const key = await openTokenKey(folder);
  const token = await key.issue({ tenant: 'bench', sub: 'bench', scope }, 3_600);
  const subject = vaultAt([running.url], token, processesUnder(child.pid ?? 0));
  return {
    ...subject,
    close: async () => {
      await subject.close();
      await endChild(child, graceMs);
    },
  };
};

/** The floor, by itself or behind HTTP, or the handlers, in a separate process on a new folder. */
export const startInProcess = async (
  folder: string,
  subject: 'floor' | 'floor, HTTP' | 'handlers',
): Promise<Subject> => {
  const what: InProcess = subject === 'handlers' ? 'handlers' : 'floor';
  const log = openSync(join(folder, 'log'), 'a');
  const child = fork(join(import.meta.dirname, 'in-process.ts'), {
    cwd: root,
    env: environment({ VAULT_DATA_DIR: folder }),
    stdio: ['ignore', log, log, 'ipc'],
  });
  child.once(
    'exit',
    closeAtEnd(() => endChild(child, graceMs)),
  );
  const ended = once(child, 'exit').then(() => {
    throw failure(
      `the ${subject} has ended: ${readFileSync(join(folder, 'log'), 'utf8').slice(-2_000)}`,
    );
  });
  ended.catch(() => undefined);
  const give = async (order: Order): Promise<unknown> => {
    child.send(order);
    const [{ result, error }] = await Promise.race([once(child, 'message'), ended]);
    if (error !== undefined) throw new Error(error);
    return result;
  };
  const url = await give({ order: 'start', folder, vault: vaultDescription });
  const processes = processesUnder(child.pid ?? 0);
  const prepare = async (operation: Operation, clients: number): Promise<boolean> =>
    (await give({ order: 'prepare', what, operation, clients })) === true;
  const close = async () => {
    if (!child.connected) return;
    await give({ order: 'close' });
    child.disconnect();
  };
  if (subject !== 'floor, HTTP') {
    const run = async (clients: number, forMs: number) =>
      (await give({ order: 'run', what, clients, forMs })) as Slice;
    return { name: subject, prepare, run, processes, close };
  }
  const http = createSend([String(url)]);
  const prepareBare = async (operation: Operation, clients: number): Promise<Work> => {
    await prepare(operation, clients);
    return (client) => http.send(client, bareExchange(operation, client));
  };
  return {
    ...subjectOf(subject, prepareBare, processes, http.close),
    close: async () => {
      http.close();
      await close();
    },
  };
};
