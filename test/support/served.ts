/**
 * A vault that the suites of a project share, served by a program of `local/` between the set-up and the end of a run.
 * The e2e suites then meet the functions as that program serves them. The first time it installs what it needs.
 */
import { rmSync } from 'node:fs';
import { findFreePort } from '../../local/child.ts';
import { freshFolder, type LocalProcess, lineOf, runLocal } from './local-process.ts';

type Served = { readonly process: LocalProcess; readonly dataDir: string };

const startLimitMs = 900_000;

/** Jest loads this file anew for the end, so that it is kept where both find it. */
const kept: { served?: Served } = globalThis as { served?: Served };

/** Ends the process, which removes the containers of its functions, and removes its folder. */
export const endServed = async (): Promise<void> => {
  if (kept.served === undefined) return;
  const { process: running, dataDir } = kept.served;
  running.child.kill('SIGTERM');
  await running.exit;
  rmSync(dataDir, { recursive: true, force: true });
};

/** Starts the program with a folder of its own, beside what a person runs, and sets `BASE_URL` to what it serves. */
export const serve = async (program: 'sam' | 'localstack'): Promise<void> => {
  const dataDir = freshFolder();
  const ports = { PORT: '0', LOCALSTACK_PORT: String(await findFreePort()) };
  const served = runLocal(program, [], { ...process.env, ...ports, VAULT_DATA_DIR: dataDir });
  kept.served = { process: served, dataDir };
  try {
    const url = await lineOf(served, /^vault listening on (http:\/\/\S+)$/, startLimitMs);
    Object.assign(process.env, { BASE_URL: url, VAULT_DATA_DIR: dataDir });
  } catch (error) {
    await endServed();
    // A person shall see what it printed, not where this stands.
    if (error instanceof Error) error.stack = error.message;
    throw error;
  }
};
