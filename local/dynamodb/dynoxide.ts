/**
 * dynoxide is a program that serves DynamoDB's API and stores its data in one SQLite file. Tests
 * and `npm run stack` start it. It has no authentication: any program of this machine, and any web
 * page, can read and write.
 */
import { join } from 'node:path';
import { root } from '../../host/process/data-folder.ts';
import { findFreePort, isServed } from '../../host/process/ports.ts';
import { programTimes } from '../../host/process/program-times.ts';
import { startChild, supervise } from '../../host/process/supervisor.ts';
import manifest from '../../package.json' with { type: 'json' };
import { failure } from '../../system/failures.ts';
import { findProgram } from '../../system/programs.ts';

export type Dynoxide = {
  readonly endpoint: string;
  /** Settles only if dynoxide ended by itself; the error says so. */
  readonly failed: Promise<Error>;
  readonly close: () => Promise<void>;
};

/**
 * The platforms with an npm package of dynoxide. Only the first is in the lockfile, because the
 * registry from which the lockfile was made does not have the others.
 */
const packaged = ['linux-x64', 'linux-arm64', 'darwin-arm64', 'darwin-x64'];
const version = manifest.optionalDependencies['@dynoxide/linux-x64'];
/**
 * How to build dynoxide from source. crates.io does not have the version of the npm packages, so
 * this is a different one, with which the tests pass, too.
 */
const fromSource = '"cargo install dynoxide-rs --version 1.1.0 --locked"';

/** Returns how to install the store on a platform, as part of a sentence. */
const installationOn = (platform: string): string => {
  if (platform === packaged[0]) return 'run "npm ci", without --omit=optional';
  if (!packaged.includes(platform)) return `run ${fromSource}`;
  return `run "npm install --no-save @dynoxide/${platform}@${version}" or ${fromSource}`;
};

/**
 * Returns the program in node_modules below `root`, or on the PATH. Throws a user-facing error if
 * there is none for this machine.
 */
export const findDynoxide = (root: string): string => {
  const platform = `${process.platform}-${process.arch}`;
  const program = findProgram('dynoxide', [join(root, 'node_modules', '@dynoxide', platform)]);
  if (program !== undefined) return program;
  throw failure(
    `dynoxide, which serves DynamoDB's API here, is neither in node_modules nor on the PATH: ${installationOn(platform)}, or set ` +
      'AWS_ENDPOINT_URL_DYNAMODB to a DynamoDB that runs already',
  );
};

/**
 * Ends the process that an earlier run left in `folder`, starts dynoxide there and returns when it
 * answers. The caller must have locked the folder. Throws a sentence if it does not start.
 */
export const startDynoxide = async (folder: string, host = '127.0.0.1'): Promise<Dynoxide> => {
  const program = findDynoxide(root);
  const port = await findFreePort(host);
  const args = ['serve', '--host', host, '--port', String(port), '--db-path', 'store.sqlite'];
  const { failed, close } = await supervise({
    pidFile: join(folder, 'store.pid'),
    launch: () => startChild(program, args, folder),
    start: {
      isDone: () => isServed(port, host),
      askEveryMs: 5,
      withinMs: 10_000,
      failed: (end) => failure(`dynoxide did not start: ${end?.lastWords || 'it did not answer'}`),
    },
    graceMs: programTimes.storeEndMs,
    onEnd: ({ how }) => {
      throw failure(`dynoxide ended (${how})`);
    },
  });
  return { endpoint: `http://${host}:${port}`, failed, close };
};
