/**
 * Syncs SQLite's log to disk and copies it into the store's file, without blocking the main thread.
 * Never open the store's file itself in this module: closing any descriptor of it would release
 * SQLite's locks.
 */
import { closeSync, fdatasync, openSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import { Worker } from 'node:worker_threads';

/**
 * The log is copied into the file when it has grown by this many pages (4 MiB) since the last
 * attempt.
 */
const pagesMax = 1_000;

/**
 * The answer of the checkpoint thread. `code` is SQLite's. A full disk is not treated as a failure,
 * because it can pass.
 */
export type Checkpointed = {
  readonly failure?: { readonly message: string; readonly code: number };
};
const fullDisk = 13;

export type WriteAheadLog = {
  readonly sync: () => Promise<void>;
  /** The descriptor of the log. It can be read even if the log has been deleted. */
  readonly descriptor: number;
  /**
   * Copies the log into the file if the log is long. No transaction may begin until this is done;
   * otherwise SQLite cannot start the log over.
   */
  readonly tidy: () => Promise<void>;
  readonly close: () => Promise<void>;
};

/**
 * Opens the log of `file`. `database` must have read already, because otherwise there is no log.
 */
export const openWriteAheadLog = (file: string, database: DatabaseSync): WriteAheadLog => {
  const descriptor = openSync(`${file}-wal`, 'r+');
  // NOOP only counts the pages and copies nothing.
  const count = database.prepare('PRAGMA wal_checkpoint(NOOP)');
  /**
   * The length of the log in pages at the last attempt to copy it. A long read can prevent SQLite
   * from starting the log over; the next attempt then waits until the log has grown by `pagesMax`.
   */
  let tried = 0;
  let thread: Worker | undefined;

  const checkpoint = (): Promise<void> =>
    new Promise((resolve, reject) => {
      thread ??= new Worker(new URL('checkpoint-thread.ts', import.meta.url), { workerData: file });
      thread.unref();
      const settle = ({ failure }: Checkpointed): void => {
        thread?.off('error', reject);
        if (failure === undefined || failure.code === fullDisk) resolve();
        else reject(new Error(failure.message));
      };
      thread.once('message', settle).once('error', reject);
      thread.postMessage('checkpoint');
    });

  return {
    sync: () =>
      new Promise((resolve, reject) => {
        fdatasync(descriptor, (error) => (error ? reject(error) : resolve()));
      }),
    descriptor,
    async tidy() {
      const pages = Number(count.get()?.['log']);
      if (pages < tried) tried = 0;
      if (pages - tried < pagesMax) return;
      tried = pages;
      await checkpoint();
    },
    async close() {
      await thread?.terminate();
      closeSync(descriptor);
    },
  };
};
