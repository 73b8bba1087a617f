/** The embedded store: dynoxide, one program that keeps a DynamoDB in one SQLite file. */
import { join } from 'node:path';
import { failure } from '../../system/failures.ts';
import { findProgram, startChild } from '../host/supervisor.ts';
import type { StoreProgram } from './store.ts';

/** The store's file in the data folder. */
export const storeFile = 'store.sqlite';
/** The folder in the data folder in which a restore makes the store. */
export const restoreFolder = 'restore';

const getProgram = (root: string): string => {
  const platformPackage = `@dynoxide/${process.platform}-${process.arch}`;
  const program = findProgram('dynoxide', [join(root, 'node_modules', platformPackage)]);
  if (program !== undefined) return program;
  throw failure(
    'dynoxide, the embedded store, is neither in node_modules nor on the PATH: run npm ci, install it ' +
      '(npm, Homebrew or cargo have it), or set AWS_ENDPOINT_URL_DYNAMODB to a DynamoDB that runs already',
  );
};

/**
 * Corrects a misleading message: dynoxide assumes that every file that SQLite cannot read is encrypted, and advises to
 * enable encryption.
 */
const explain = (lastWords: string): string | undefined =>
  /encrypted or not a valid SQLite database|malformed|file is not a database/.test(lastWords)
    ? `${storeFile} in the data folder is damaged, or is no database`
    : undefined;

/**
 * `root`: the folder that holds node_modules. `host`: as in `StoreProgram`. Throws if there is no dynoxide for this
 * machine.
 */
export const dynoxide = (root: string, host?: string): StoreProgram => {
  const program = getProgram(root);
  return {
    name: 'dynoxide',
    host,
    readyWithinMs: 10_000,
    launch: async (folder, address, port) =>
      startChild(
        program,
        ['serve', '--host', address, '--port', String(port), '--db-path', storeFile],
        folder,
      ),
    explain,
  };
};
