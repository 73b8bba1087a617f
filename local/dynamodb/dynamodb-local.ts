/**
 * DynamoDB Local, for those who ask for it. The npm package `dynamodb-local` fetches its vendor's program the first
 * time (under the vendor's own terms, hence no part of this project) and starts it with Java. It listens on every
 * address of the machine, and has no setting for that.
 */
import { type ChildProcess, execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { failure, sentenceOf } from '../command.ts';
import type { StoreProgram } from '../dynamodb.ts';

type Options = {
  /** Holds node_modules. */
  readonly root: string;
  /** Where the program is kept once it was fetched. */
  readonly installPath: string;
  /** Where it is fetched from; the vendor's address unless a test says otherwise. */
  readonly downloadUrl?: string;
};

const unavailable = (why: string, cause?: unknown): Error =>
  failure(
    `DynamoDB Local cannot be had: ${why}; start without --store for the embedded store, or set ` +
      'AWS_ENDPOINT_URL_DYNAMODB to a DynamoDB Local that runs already (Docker has amazon/dynamodb-local)',
    { cause },
  );

const checkHasJava = (): void => {
  try {
    execFileSync('java', ['-version'], { stdio: 'ignore', env: process.env });
  } catch (error) {
    throw unavailable('it needs Java, and there is no java on the PATH', error);
  }
};

/** The package is optional, and loaded only when it is asked for. */
const loadPackage = (root: string): typeof import('dynamodb-local') => {
  try {
    return createRequire(join(root, 'package.json'))('dynamodb-local');
  } catch (error) {
    throw unavailable('the npm package dynamodb-local is not installed', error);
  }
};

/** Throws, naming the other ways, if Java or the package is missing; launching throws so if the download fails. */
export const dynamodbLocal = ({ root, ...installer }: Options): StoreProgram => {
  checkHasJava();
  const { configureInstaller, launch, stop } = loadPackage(root);
  mkdirSync(installer.installPath, { recursive: true });
  configureInstaller(installer);
  return {
    name: 'DynamoDB Local',
    host: '127.0.0.1',
    readyWithinMs: 30_000,
    launch: async (folder, _, port): Promise<ChildProcess> => {
      const data = join(folder, 'dynamodb-local');
      mkdirSync(data, { recursive: true, mode: 0o700 });
      // The package would hand out a process that has ended for one that runs.
      stop(port);
      try {
        return await launch(port, data, ['-sharedDb']);
      } catch (error) {
        throw unavailable(`its download failed (${sentenceOf(error)})`, error);
      }
    },
  };
};
