/**
 * Finds what may still contain the old content of a file: copies that editors create next to it,
 * hard links, and git.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { findProgram } from '../../system/programs.ts';
import { gitCommand } from './git.ts';

/**
 * Sentences about the places that may still contain the content of this file after it is replaced.
 */
export const findOldCopies = (file: string): readonly string[] => {
  const [folder, name] = [dirname(file), basename(file)];
  const copies = [`${name}~`, `${name}.bak`, `${name}.orig`, `${name}.save`]
    .concat(`#${name}#`, `.${name}.swp`, `.${name}.swo`, `.${name}.un~`)
    .map((copy) => join(folder, copy))
    .filter((copy) => existsSync(copy));
  const { nlink = 1, ino } = statSync(file, { throwIfNoEntry: false }) ?? {};
  const linked = `${file} has another name (a hard link), which keeps the old values`;
  const sentences = [
    ...copies.map((copy) => `${copy} may hold the old values`),
    ...(nlink > 1 ? [`${linked}: find / -xdev -inum ${ino} shows it`] : []),
  ];
  return isInGit(folder, name)
    ? [...sentences, `the history of git holds ${file}: change the values that it holds`]
    : sentences;
};

/**
 * Whether a commit contains the file. Also false if there is no git, or no repository that git
 * trusts.
 */
const isInGit = (folder: string, name: string): boolean => {
  const git = findProgram('git');
  if (git === undefined) return false;
  try {
    const { args, env } = gitCommand(folder, ['rev-list', '--max-count=1', 'HEAD', '--', name]);
    return execFileSync(git, args, { env, stdio: ['ignore', 'pipe', 'ignore'] }).length > 0;
  } catch {
    return false;
  }
};
