import { spawnSync } from 'node:child_process';

/** Asks git for the commit of the project; `null` in a copy that is not a checkout. */
export const headCommit = (): string | null => {
  const { status, stdout } = spawnSync('git', ['rev-parse', 'HEAD'], { encoding: 'utf8' });
  return status === 0 ? stdout.trim() : null;
};
