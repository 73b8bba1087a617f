/** Fetches the code of the last release, which some tests run together with today's code. */
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

/** A release whose code is in the history of this repository. */
export type Release = {
  readonly version: string;
  readonly commit: string;
  /** The folders of the release that its programs and its `dsvault` need. */
  readonly folders: readonly string[];
};

/** The last release. docs/releases.md says when this changes. */
export const lastRelease: Release = {
  version: '2.0.0',
  commit: 'adce06f307e9ba0e1cb206e1a03484164e0e6feb',
  folders: ['functions', 'host', 'system', 'client', 'cli', 'docs'],
};

const folderOf = ({ commit }: Release): string => resolve('.local/released', commit);
const files = ['template.yaml', '.npmrc', 'package.json', 'package-lock.json'];

const git = (...args: readonly string[]): Buffer =>
  execFileSync('git', args, { stdio: 'pipe', maxBuffer: 2 ** 28 });

const checkHistory = ({ version, commit }: Release): void => {
  try {
    git('cat-file', '-e', `${commit}^{commit}`);
  } catch (cause) {
    const missing = `this clone lacks the commit ${commit} of version ${version}`;
    throw new Error(`${missing}: get the whole history with git fetch --unshallow`, { cause });
  }
};

type Lock = { readonly packages: Readonly<Record<string, unknown>> };

/**
 * Returns the packages that a lockfile installs. The project itself is left out, because its
 * version differs.
 */
const packagesIn = (folder: string): string => {
  const lock: Lock = JSON.parse(readFileSync(join(folder, 'package-lock.json'), 'utf8'));
  return JSON.stringify({ ...lock.packages, '': undefined });
};

/**
 * Installs the packages of the folder's lockfile. If they are the same as those of this checkout,
 * links to them instead.
 */
const install = (folder: string): void => {
  const target = join(folder, 'node_modules');
  const stats = lstatSync(target, { throwIfNoEntry: false });
  if (stats?.isDirectory()) return;
  // If the folder already has a link to this checkout's packages, it must be removed first: npm
  // would empty the folder that it points to.
  if (stats) unlinkSync(target);
  if (packagesIn(folder) === packagesIn('.')) {
    symlinkSync(resolve('node_modules'), target);
    return;
  }
  // `dsvault` of a checkout needs esbuild, which is one of the tools.
  const words = ['ci', '--silent', '--ignore-scripts'];
  execFileSync('npm', words, { cwd: folder, stdio: 'pipe' });
};

/**
 * Extracts the code of the release from the history. Throws an error that says what to do if the
 * history lacks it.
 */
const extract = (release: Release, folder: string): void => {
  const { version, commit, folders } = release;
  checkHistory(release);
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

/**
 * Returns the file of one of the vault's own programs, such as `inspect`. `folder` is that of a
 * release or of this checkout.
 */
export const programFile = (folder: string, program: string): string =>
  join(folder, 'host/bin', `${program}.ts`);

/** Returns the folder with the code of the release, ready to run. Throws like `extract`. */
export const openReleased = (release: Release): string => {
  const folder = folderOf(release);
  // An older version of this file may have extracted fewer folders.
  if (!release.folders.every((name) => existsSync(join(folder, name)))) {
    rmSync(folder, { recursive: true, force: true });
    extract(release, folder);
  }
  install(folder);
  return folder;
};
