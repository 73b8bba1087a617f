/** The commit of a checkout. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { environmentFor } from './environment.ts';
import { findProgram } from './programs.ts';

/**
 * Returns the commit that is checked out in a folder, as 40 hexadecimal digits; `null` if the
 * folder is not the top folder of a checkout, or if there is no git. The files may have been
 * changed since.
 *
 * git is told the repository, so it does not search the folders above, and ignores a `GIT_DIR`. It
 * then also reads a checkout of another user, such as root. That is safe, because this command runs
 * no program that a repository configures.
 */
export const commitOf = (folder: string): string | null => {
  const git = findProgram('git');
  if (git === undefined) return null;
  const words = ['--git-dir', join(folder, '.git'), 'rev-parse', '--verify', 'HEAD'];
  const { stdout } = spawnSync(git, words, {
    encoding: 'utf8',
    env: environmentFor(),
    stdio: ['ignore', 'pipe', 'ignore'],
    timeout: 5_000,
  });
  return /^[0-9a-f]{40}(?=\n$)/.exec(stdout ?? '')?.[0] ?? null;
};
