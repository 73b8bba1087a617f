/**
 * DynamoDB Local, for those who ask for it: the npm package `dynamodb-local` fetches its vendor's program (under the
 * vendor's own terms, hence no part of this project) the first time, and starts it with Java.
 */
import { type ChildProcess, execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { failure, sentenceOf } from '../command.ts';
import type { StoreProgram } from '../dynamodb.ts';

type Package = {
  readonly configureInstaller: (options: { readonly installPath: string }) => void;
  readonly launch: (
    port: number,
    folder: string,
    options: readonly string[],
    verbose: boolean,
    detached: boolean,
  ) => Promise<ChildProcess>;
};

const otherWays =
  'start without --store for the embedded store, or set AWS_ENDPOINT_URL_DYNAMODB to a DynamoDB Local that runs ' +
  'already (Docker has amazon/dynamodb-local)';
const unavailable = (why: string, cause?: unknown): Error =>
  failure(`DynamoDB Local cannot be had: ${why}; ${otherWays}`, { cause });

const checkHasJava = (): void => {
  try {
    execFileSync('java', ['-version'], { stdio: 'ignore', env: process.env });
  } catch (error) {
    throw unavailable('it needs Java, and there is no java on the PATH', error);
  }
};

const loadPackage = async (): Promise<Package> => {
  // Named by a variable: the package is loaded only when it is asked for.
  const name = 'dynamodb-local';
  try {
    return (await import(name)).default;
  } catch (error) {
    throw unavailable('the npm package dynamodb-local is not installed', error);
  }
};

/** Throws, naming the other ways, if Java or the package is missing; launching throws if the download fails. */
export const dynamodbLocal = async (): Promise<StoreProgram> => {
  checkHasJava();
  const { configureInstaller, launch } = await loadPackage();
  return {
    name: 'DynamoDB Local',
    readyWithinMs: 30_000,
    launch: async (folder, port) => {
      const data = join(folder, 'dynamodb-local-data');
      mkdirSync(data, { recursive: true, mode: 0o700 });
      configureInstaller({ installPath: join(folder, 'dynamodb-local') });
      try {
        return await launch(port, data, ['-sharedDb', '-disableTelemetry'], false, false);
      } catch (error) {
        throw unavailable(`the download failed (${sentenceOf(error)})`, error);
      }
    },
  };
};
