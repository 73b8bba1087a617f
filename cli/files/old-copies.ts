/**
 * Finds what may still contain the old content of a file: copies that editors create next to it,
 * hard links, and git.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { environment } from '../../system/environment.ts';
import { findProgram } from '../../system/programs.ts';

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
    return askGit(git, folder, ['rev-list', '--max-count=1', 'HEAD', '--', name]).length > 0;
  } catch {
    return false;
  }
};

/**
 * Runs git in a folder whose configuration may come from a stranger and name programs. `rev-list`
 * would start one only to fetch a missing object, so no protocol is allowed. `git log` would also
 * start `gpg.program`. A bare repository is not opened at all, because it may be hidden among the
 * files of another one.
 */
const askGit = (git: string, folder: string, args: readonly string[]): Buffer => {
  const options = ['-C', folder, '-c', 'safe.bareRepository=explicit', '--literal-pathspecs'];
  const passedOn = Object.entries(environment).filter(([key]) => !/^(DSVAULT|GIT)_/i.test(key));
  return execFileSync(git, [...options, ...args], {
    env: { ...Object.fromEntries(passedOn), GIT_ALLOW_PROTOCOL: '' },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
};
