/**
 * Before the suites of this project: `npm run sam` as a process of its own with a folder of its own, so that the e2e
 * suites meet the functions as `sam local start-api` serves them. The first time it installs what it needs.
 */
import { findFreePort } from '../../local/child.ts';
import { freshFolder, lineOf, runLocal } from '../support/local-process.ts';
import { forgetServed, rememberServed } from './served.ts';

const startLimitMs = 900_000;

export default async (): Promise<void> => {
  const dataDir = freshFolder();
  // Beside a stack that a person runs.
  const ports = { PORT: '0', LOCALSTACK_PORT: String(await findFreePort()) };
  const served = runLocal('sam', [], { ...process.env, ...ports, VAULT_DATA_DIR: dataDir });
  rememberServed({ process: served, dataDir });
  try {
    const url = await lineOf(served, /^vault listening on (http:\/\/\S+)$/, startLimitMs);
    Object.assign(process.env, { BASE_URL: url, VAULT_DATA_DIR: dataDir });
  } catch (error) {
    await forgetServed();
    // A person shall see what it printed, not where this stands.
    if (error instanceof Error) error.stack = error.message;
    throw error;
  }
};
