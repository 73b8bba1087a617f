/**
 * DynamoDB Local, over which tests can run. The npm package `dynamodb-local` downloads its vendor's program the first time and
 * starts it with Java. The program has its vendor's own licence, so it is not part of this project. DynamoDB Local
 * listens on every address of the machine, and has no setting for that.
 */
import { type ChildProcess, execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { failure, sentenceOf } from '../../system/failures.ts';
import type { StoreProgram } from './local-store.ts';

type Options = {
  /** Holds node_modules. */
  readonly root: string;
  /** The folder that keeps the downloaded program. */
  readonly installPath: string;
  /** The address of the download; the default is the vendor's address, and tests use another one. */
  readonly downloadUrl?: string;
};

const unavailable = (why: string, cause?: unknown): Error =>
  failure(
    `DynamoDB Local cannot be had: ${why}; unset TEST_STORE, or run its container (Docker has amazon/dynamodb-local)`,
    { cause },
  );

const checkHasJava = (): void => {
  try {
    execFileSync('java', ['-version'], { stdio: 'ignore', env: process.env });
  } catch (error) {
    throw unavailable('it needs Java, and there is no java on the PATH', error);
  }
};

/** Loads the package only when it is needed, because it is optional. */
const loadPackage = (root: string): typeof import('dynamodb-local') => {
  try {
    return createRequire(join(root, 'package.json'))('dynamodb-local');
  } catch (error) {
    throw unavailable('the npm package dynamodb-local is not installed', error);
  }
};

/**
 * Throws if Java or the package is missing, and the sentence names the alternatives. `launch` throws the same way if
 * the download fails.
 */
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
      // Without this the package would return a process that has ended as if it still ran.
      stop(port);
      try {
        return await launch(port, data, ['-sharedDb']);
      } catch (error) {
        throw unavailable(`its download failed (${sentenceOf(error)})`, error);
      }
    },
  };
};
