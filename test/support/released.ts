/** Fetches the code of the last release, which some tests run together with today's code. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { run } from '../../host/process/run.ts';
import { installOnce } from '../../local/containers/install-once.ts';

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

/**
 * Extracts the code of the release from the history. Throws an error that says what to do if the
 * history lacks it.
 */
const extract = (release: Release, folder: string): void => {
  const { version, commit, folders } = release;
  checkHistory(release);
  const archive = git('archive', commit, ...folders, ...files);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  execFileSync('tar', ['-x', '-C', folder], { input: archive });
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  if (manifest.version !== version) {
    throw new Error(`commit ${commit} has the version ${manifest.version}, and not ${version}`);
  }
};

/**
 * Returns the file of one of the vault's own programs, such as `inspect`. `folder` is that of a
 * release or of this checkout.
 */
export const programFile = (folder: string, program: string): string =>
  join(folder, 'host/bin', `${program}.ts`);

/** Returns the folder with the code of the release, ready to run. Throws like `extract`. */
export const openReleased = async (release: Release): Promise<string> => {
  const folder = resolve('.local/released', release.commit);
  await installOnce({
    folder,
    // An older version of this file may have extracted fewer folders.
    name: release.folders.join(' '),
    install: async () => {
      extract(release, folder);
      // `dsvault` of a checkout needs esbuild, which is one of the tools.
      await run('npm', ['ci', '--silent', '--ignore-scripts'], { cwd: folder });
    },
  });
  return folder;
};
