/**
 * What the image of a vault node is built on: Node's own image where it can be had, else one made here, which brings
 * along what the Dockerfile would fetch.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeDebianRoot } from './debian-root.ts';
import { docker, findImage, hasImage } from './docker.ts';
import { run } from './run.ts';

/** The default of `compose.yaml`. */
const ordinaryBase = 'node:24-bookworm-slim';

export type BaseImageOptions = {
  /** Holds package-lock.json and node_modules. */
  readonly root: string;
  readonly workFolder: string;
  readonly say: (line: string) => void;
};

/** Of all that the made base is made of: another lockfile or recipe makes another base. */
const tagOf = (root: string): string => {
  const hash = createHash('sha256');
  const sources = ['package-lock.json', 'local/container/debian-root.ts'];
  for (const source of sources) hash.update(readFileSync(join(root, source)));
  hash.update(readFileSync(import.meta.filename));
  return `vault-base:${hash.digest('hex').slice(0, 12)}`;
};

/** Copies the packages that run, and not those that only test, as `npm ci --omit=dev` would lay them. */
const copyPackages = async (root: string, to: string): Promise<void> => {
  const listed = await run('npm', ['ls', '--omit=dev', '--all', '--parseable'], { cwd: root });
  const folders = listed
    .split('\n')
    .filter((path) => path.startsWith(`${root}/`))
    .map((path) => path.slice(root.length + 1));
  mkdirSync(to, { recursive: true });
  const script = 'tar -c -C "$0" --files-from=- | tar -x -C "$1"';
  await run('sh', ['-c', script, root, to], { input: folders.join('\n') });
};

const makeBase = async (tag: string, { root, workFolder }: BaseImageOptions): Promise<void> => {
  const context = join(workFolder, 'base');
  const folder = join(context, 'root');
  await makeDebianRoot({ folder, extra: ['etcd-server'], root });
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

/** The image to build on, as `BASE` of the Dockerfile. Throws one sentence if there is none. */
export const ensureBaseImage = async (options: BaseImageOptions): Promise<string> => {
  const missing = await findImage(ordinaryBase);
  if (missing === undefined) return ordinaryBase;
  const tag = tagOf(options.root);
  if (await hasImage(tag)) return tag;
  options.say(`${missing.why}: making a base out of Debian's packages instead`);
  await makeBase(tag, options);
  return tag;
};
