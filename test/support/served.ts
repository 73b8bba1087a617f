/**
 * A vault for all suites of a project, served by a program of `local/` from the set-up to the end of a run. The e2e
 * suites thus test the functions as that program serves them. The first time it installs what it needs.
 */
import { rmSync } from 'node:fs';
import { lambdaImage } from '../../local/containers/docker.ts';
import { findFreePort } from '../../local/process/ports.ts';
import { isStandIn } from './images/stand-ins.ts';
import { freshFolder, type LocalProcess, lineOf, runFile, runLocal } from './local-process.ts';

type Served = { readonly process: LocalProcess; readonly dataDir: string };

const startLimitMs = 900_000;

/** Kept outside this module, because Jest loads it again at the end. */
const kept: { served?: Served } = globalThis as { served?: Served };

/** Ends the process, which removes the containers of its functions, and removes its folder. */
export const endServed = async (): Promise<void> => {
  if (kept.served === undefined) return;
  const { process: running, dataDir } = kept.served;
  running.child.kill('SIGTERM');
  await running.exit;
  rmSync(dataDir, { recursive: true, force: true });
};

/** Starts the program on a new folder, beside what a person runs, and sets `BASE_URL` to its address. */
export const serve = async (program: 'sam' | 'localstack'): Promise<void> => {
  const dataDir = freshFolder();
  const prepared = runFile('test/support/images/prepare.ts', ['lambda'], process.env);
  if ((await prepared.exit) !== 0) throw new Error(prepared.errors.join('\n'));
  // A stand-in brings the program that LocalStack would download and put into each container.
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
    // Show the person the output of the program instead of this stack.
    if (error instanceof Error) error.stack = error.message;
    throw error;
  }
};
