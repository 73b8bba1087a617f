/**
 * The images that the image of a vault node is built on: the images of Node and etcd if they can be pulled, else one
 * that is made here with all that the Dockerfile would fetch.
 */
import { createHash } from 'node:crypto';
import { chmodSync, copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { failure } from '../../system/failures.ts';
import { makeDebianRoot } from './debian-root.ts';
import { docker, findImage, hasImage } from './docker.ts';
import { findProgram, run } from './run.ts';

/** The arguments `BASE` and `ETCD` of the Dockerfile. */
export type BaseImages = { readonly base: string; readonly etcd: string };

/** The default images in `compose.yaml`. */
export const ordinaryImages: BaseImages = {
  base: 'node:24-bookworm-slim',
  etcd: 'gcr.io/etcd-development/etcd:v3.7.3',
};

export type BaseImageOptions = {
  /** Holds package-lock.json and node_modules. */
  readonly root: string;
  readonly workFolder: string;
  readonly say: (line: string) => void;
};

/**
 * The tag contains a hash of everything that the base is made of, so another lockfile, recipe or etcd makes another
 * base.
 */
const tagOf = (root: string, etcd: string): string => {
  const hash = createHash('sha256');
  const sources = ['package-lock.json', 'local/containers/debian-root.ts'];
  for (const source of sources) hash.update(readFileSync(join(root, source)));
  for (const file of [import.meta.filename, etcd]) hash.update(readFileSync(file));
  return `vault-base:${hash.digest('hex').slice(0, 12)}`;
};

/**
 * Copies the packages that run, and not those that only test, as `npm ci --omit=dev --omit=optional` would install
 * them.
 */
const copyPackages = async (root: string, to: string): Promise<void> => {
  const listed = await run('npm', ['ls', '--omit=dev', '--omit=optional', '--all', '--parseable'], {
    cwd: root,
  });
  const folders = listed
    .split('\n')
    .filter((path) => path.startsWith(`${root}/`))
    .map((path) => path.slice(root.length + 1));
  mkdirSync(to, { recursive: true });
  const script = 'tar -c -C "$0" --files-from=- | tar -x -C "$1"';
  await run('sh', ['-c', script, root, to], { input: folders.join('\n') });
};

const makeBase = async (
  tag: string,
  etcd: string,
  { root, workFolder }: BaseImageOptions,
): Promise<void> => {
  const context = join(workFolder, 'base');
  const folder = join(context, 'root');
  await makeDebianRoot({ folder, root });
  const programs = join(folder, 'usr/local/bin');
  mkdirSync(programs, { recursive: true });
  copyFileSync(etcd, join(programs, 'etcd'));
  chmodSync(join(programs, 'etcd'), 0o755);
  await copyPackages(root, join(folder, 'vault'));
  const archive = join(context, 'root.tar');
  await run('tar', [
    '-c',
    '-f',
    archive,
    '-C',
    folder,
    '--owner=0',
    '--group=0',
    '--mode=a+rX',
    '.',
  ]);
  rmSync(folder, { recursive: true });
  rmSync(join(context, 'packages'), { recursive: true });
  writeFileSync(join(context, 'Dockerfile'), 'FROM scratch\nADD root.tar /\n');
  await docker(['build', '--quiet', '--tag', tag, context]);
  rmSync(context, { recursive: true });
};

/**
 * Returns the images to build on. If one of them cannot be pulled, both are an image that is made here with this
 * machine's own etcd. Throws a sentence if it cannot be made.
 */
export const ensureBaseImages = async (options: BaseImageOptions): Promise<BaseImages> => {
  const missing = (await findImage(ordinaryImages.base)) ?? (await findImage(ordinaryImages.etcd));
  if (missing === undefined) return ordinaryImages;
  const etcd = findProgram('etcd');
  if (etcd === undefined) {
    throw failure(`${missing.why}; to make an image here, etcd must be on the PATH`);
  }
  const tag = tagOf(options.root, etcd);
  if (!(await hasImage(tag))) {
    options.say(`${missing.why}: making a base out of Debian's packages instead`);
    await makeBase(tag, etcd, options);
  }
  return { base: tag, etcd: tag };
};
