/**
 * Starts one vault for all suites of a project, which a program of `local/` serves for the whole
 * run. So the e2e suites test the functions as that program serves them. The first time, it
 * installs what it needs.
 */
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { findFreePort } from '../../host/process/ports.ts';
import { placeInit } from './images/stand-ins.ts';
import { freshFolder, type LocalProcess, lineOf, runFile, runLocal } from './local-process.ts';

const startLimitMs = 900_000;

/**
 * The vault that serves this run. It is kept in `globalThis`, because Jest loads this module again
 * at the end of the run.
 */
const kept: { served?: LocalProcess } = globalThis as { served?: LocalProcess };

/**
 * Ends the process, which removes the containers of its functions. Its folder stays with the other
 * files of the run, because it has the logs that explain a failed test.
 */
export const endServed = async (): Promise<void> => {
  kept.served?.child.kill('SIGTERM');
  await kept.served?.exit;
};

/**
 * Starts the program on a new folder and on ports that do not disturb what a person may be running.
 * Sets `TEST_BASE_URL` to its address.
 */
export const serve = async (program: 'sam' | 'localstack'): Promise<void> => {
  const dataDir = freshFolder();
  const prepared = runFile('test/support/images/prepare.ts', ['lambda'], process.env);
  if ((await prepared.exit) !== 0) throw new Error(prepared.errors.join('\n'));
  await placeInit(dataDir);
  const ports = { PORT: '0', LOCALSTACK_PORT: String(await findFreePort()) };
  const served = runLocal('stack', [program], {
    ...process.env,
    ...ports,
    VAULT_DATA_DIR: dataDir,
  });
  const log = createWriteStream(join(dataDir, 'stack.log'));
  for (const stream of [served.child.stdout, served.child.stderr])
    stream?.pipe(log, { end: false });
  kept.served = served;
  try {
    const url = await lineOf(served, /^vault listening on (http:\/\/\S+)$/, startLimitMs);
    Object.assign(process.env, { TEST_BASE_URL: url, VAULT_DATA_DIR: dataDir });
  } catch (error) {
    await endServed();
    // Jest prints the stack, so replace it with the message, which has the output of the program.
    if (error instanceof Error) error.stack = error.message;
    throw error;
  }
};
