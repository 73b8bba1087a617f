/**
 * Starts one vault for all suites of a project, which a program of `local/` serves for the whole
 * run. So the e2e suites test the functions as that program serves them. The first time, it
 * installs what it needs.
 */
import { rmSync } from 'node:fs';
import { findFreePort } from '../../host/process/ports.ts';
import { lambdaImage } from '../../local/containers/docker.ts';
import { isStandIn } from './images/stand-ins.ts';
import { freshFolder, type LocalProcess, lineOf, runFile, runLocal } from './local-process.ts';

type Served = { readonly process: LocalProcess; readonly dataDir: string };

const startLimitMs = 900_000;

/**
 * The vault that serves this run. It is kept in `globalThis`, because Jest loads this module again
 * at the end of the run.
 */
const kept: { served?: Served } = globalThis as { served?: Served };

/**
 * Ends the process, which removes the containers of its functions. Then removes the data folder.
 */
export const endServed = async (): Promise<void> => {
  if (kept.served === undefined) return;
  const { process: running, dataDir } = kept.served;
  running.child.kill('SIGTERM');
  await running.exit;
  rmSync(dataDir, { recursive: true, force: true });
};

/**
 * Starts the program on a new folder and on ports that do not disturb what a person may be running.
 * Sets `BASE_URL` to its address.
 */
export const serve = async (program: 'sam' | 'localstack'): Promise<void> => {
  const dataDir = freshFolder();
  const prepared = runFile('test/support/images/prepare.ts', ['lambda'], process.env);
  if ((await prepared.exit) !== 0) throw new Error(prepared.errors.join('\n'));
  // A stand-in for Lambda's image already contains the init program that LocalStack would otherwise
  // download and copy into each container.
  if (await isStandIn(lambdaImage)) process.env['LOCALSTACK_INIT'] = freshFolder();
  const ports = { PORT: '0', LOCALSTACK_PORT: String(await findFreePort()) };
  const served = runLocal('stack', [program], {
    ...process.env,
    ...ports,
    VAULT_DATA_DIR: dataDir,
  });
  kept.served = { process: served, dataDir };
  try {
    const url = await lineOf(served, /^vault listening on (http:\/\/\S+)$/, startLimitMs);
    Object.assign(process.env, { BASE_URL: url, VAULT_DATA_DIR: dataDir });
  } catch (error) {
    await endServed();
    // Jest prints the stack, so replace it with the message, which has the output of the program.
    if (error instanceof Error) error.stack = error.message;
    throw error;
  }
};
