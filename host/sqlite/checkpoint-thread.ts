/** The thread that copies SQLite's log into the store's file. It uses its own connection. */
import { parentPort, workerData } from 'node:worker_threads';
import { openDatabase } from './database.ts';
import type { Checkpointed } from './write-ahead-log.ts';

const database = openDatabase(String(workerData), 'write');
const move = database.prepare('PRAGMA wal_checkpoint(PASSIVE)');

const checkpoint = (): Checkpointed => {
  try {
    move.get();
    return {};
  } catch (error) {
    const { message, errcode } = error as Error & { readonly errcode?: number };
    return { failure: { message, code: (errcode ?? 0) & 0xff } };
  }
};

parentPort?.on('message', () => parentPort?.postMessage(checkpoint()));
