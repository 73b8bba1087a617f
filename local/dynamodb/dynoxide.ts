/** dynoxide: one program that keeps a DynamoDB in one SQLite file. */
import { join } from 'node:path';
import manifest from '../../package.json' with { type: 'json' };
import { failure } from '../../system/failures.ts';
import { findProgram } from '../../system/programs.ts';
import { startChild } from '../process/supervisor.ts';
import type { StoreProgram } from './local-store.ts';

/** The store's file in its folder. */
const storeFile = 'store.sqlite';

/** The platforms with an npm package of the store. The lockfile has only the first, the others are not in its registry. */
const packaged = ['linux-x64', 'linux-arm64', 'darwin-arm64', 'darwin-x64', 'win32-x64'];
const version = manifest.optionalDependencies['@dynoxide/linux-x64'];
/** crates.io does not have the version of the npm packages. The tests also pass over this one. */
const fromSource = '"cargo install dynoxide-rs --version 1.1.0 --locked"';

/** Returns how to install the store on a platform, as a part of a sentence. */
const installationOn = (platform: string): string => {
  if (platform === packaged[0]) return 'run "npm ci", without --omit=optional';
  if (!packaged.includes(platform)) return `run ${fromSource}`;
  return `run "npm install --no-save @dynoxide/${platform}@${version}" or ${fromSource}`;
};

const getProgram = (root: string): string => {
  const platform = `${process.platform}-${process.arch}`;
  const program = findProgram('dynoxide', [join(root, 'node_modules', '@dynoxide', platform)]);
  if (program !== undefined) return program;
  throw failure(
    `dynoxide, which serves DynamoDB's API here, is neither in node_modules nor on the PATH: ${installationOn(platform)}, or set ` +
      'AWS_ENDPOINT_URL_DYNAMODB to a DynamoDB that runs already',
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
