/** The embedded store: dynoxide, one program that keeps a DynamoDB in one SQLite file. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { failure } from '../../system/failures.ts';
import { startChild } from '../host/supervisor.ts';
import type { StoreProgram } from './store.ts';

const storeFile = 'store.sqlite';

const isProgram = (file: string): boolean => {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
};

const findProgram = (root: string): string => {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  const platformPackage = `@dynoxide/${process.platform}-${process.arch}`;
  const program = [
    join(root, 'node_modules', platformPackage, 'dynoxide'),
    ...folders.map((folder) => join(folder, 'dynoxide')),
  ].find(isProgram);
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
  const program = findProgram(root);
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
