/**
 * Puts SQLite's log on the disk, and moves what is in it into the store's file, both without holding up this thread. The
 * store's file itself must never be opened here: closing any descriptor of it would drop SQLite's locks.
 */
import { closeSync, fdatasync, fdatasyncSync, openSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import { Worker } from 'node:worker_threads';

/** The log is moved into the file when it has so many pages, 4 MiB. */
const pagesMax = 1_000;

/** What the thread answers. SQLite's codes are numbers; a full disk passes. */
export type Checkpointed = {
  readonly failure?: { readonly message: string; readonly code: number };
};
const fullDisk = 13;

export type LogFile = {
  readonly sync: () => Promise<void>;
  /** Moves the log into the file if it is long. No transaction may begin until it is done, so that the log ends. */
  readonly tidy: () => Promise<void>;
  readonly close: () => Promise<void>;
};

/** The connection must have written already, so that there is a log. */
export const openLogFile = (file: string, database: DatabaseSync): LogFile => {
  const descriptor = openSync(`${file}-wal`, 'r+');
  // A vault that was killed may have left commits in the log that are not on the disk. From now on, reads show them.
  fdatasyncSync(descriptor);
  // Only counts: this moves nothing.
  const count = database.prepare('PRAGMA wal_checkpoint(NOOP)');
  /** The length of the log at the last attempt. A reader keeps the log from ending. */
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
