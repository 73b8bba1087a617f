/** The code of the last release, which tests run beside the code of today. */
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
} from 'node:fs';
import { join, resolve } from 'node:path';

/** The last release. docs/releases.md says when this changes. */
const released = {
  version: '1.0.0',
  commit: 'a4ebcb598870827c0ccb8ca91faaf0b941440588',
} as const;

/** The folders and files that the programs of `local/bin/` and `dsvault` need. */
const folders = ['functions', 'local', 'system', 'client', 'cli', 'console'];
const files = ['template.yaml', '.npmrc', 'package.json', 'package-lock.json'];

const git = (...args: readonly string[]): Buffer =>
  execFileSync('git', args, { stdio: 'pipe', maxBuffer: 2 ** 28 });

const checkHistory = ({ version, commit }: typeof released): void => {
  try {
    git('cat-file', '-e', `${commit}^{commit}`);
  } catch (cause) {
    const missing = `this clone lacks the commit ${commit} of version ${version}`;
    throw new Error(`${missing}: get the whole history with git fetch --unshallow`, { cause });
  }
};

type Lock = { readonly packages: Readonly<Record<string, unknown>> };

/** The installed packages that a lockfile names. The project itself, whose version differs, is not among them. */
const packagesIn = (folder: string): string => {
  const lock: Lock = JSON.parse(readFileSync(join(folder, 'package-lock.json'), 'utf8'));
  return JSON.stringify({ ...lock.packages, '': undefined });
};

/** Gives the folder the packages of its lockfile: those of this checkout, if they are the same now. */
const install = (folder: string): void => {
  const target = join(folder, 'node_modules');
  const stats = lstatSync(target, { throwIfNoEntry: false });
  if (stats?.isDirectory()) return;
  // npm must never empty the folder of this checkout.
  if (stats) unlinkSync(target);
  if (packagesIn(folder) === packagesIn('.')) {
    symlinkSync(resolve('node_modules'), target);
    return;
  }
  const words = ['ci', '--silent', '--omit=dev', '--ignore-scripts'];
  execFileSync('npm', words, { cwd: folder, stdio: 'pipe' });
};

/** Takes the code of the release out of the history. Throws a sentence if it is not there. */
const extract = (folder: string): void => {
  const { version, commit } = released;
  checkHistory(released);
  const archive = git('archive', commit, ...folders, ...files);
  const fresh = `${folder}.${process.pid}`;
  mkdirSync(fresh, { recursive: true });
  execFileSync('tar', ['-x', '-C', fresh], { input: archive });
  const manifest = JSON.parse(readFileSync(join(fresh, 'package.json'), 'utf8'));
  if (manifest.version !== version) {
    throw new Error(`commit ${commit} has the version ${manifest.version}, and not ${version}`);
  }
  renameSync(fresh, folder);
};

/** Returns the folder with the code of the last release, whose programs can run. Throws like `extract`. */
export const openReleased = (): string => {
  const folder = resolve('.local/released', released.commit);
  // An earlier run may have extracted fewer folders.
  if (!folders.every((name) => existsSync(join(folder, name)))) {
    rmSync(folder, { recursive: true, force: true });
    extract(folder);
  }
  install(folder);
  return folder;
};
