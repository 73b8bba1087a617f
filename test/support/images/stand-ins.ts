/**
 * Makes stand-ins for the images that the product pulls, on machines that cannot pull them. A
 * stand-in is tagged with the name of its image, so the product finds it as if it had been pulled.
 */
import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { run } from '../../../host/process/run.ts';
import { localstackFolderOf } from '../../../host/process/vault-records.ts';
import {
  docker,
  findImage,
  hasImage,
  lambdaArchitecture,
  lambdaImage,
} from '../../../local/containers/docker.ts';
import { failure } from '../../../system/failures.ts';
import { findProgram } from '../../../system/programs.ts';
import { makeDebianRoot } from './debian-root.ts';

/** The images from which the image of a vault node is built. */
export const nodeImages = {
  base: 'node:24-bookworm-slim',
  etcd: 'gcr.io/etcd-development/etcd:v3.7.3',
} as const;

/**
 * sam builds an image from Lambda's image, with another entry point, and keeps it under this tag.
 */
const samTag = lambdaImage.replace(lambdaArchitecture, `rapid-${lambdaArchitecture}`);

/**
 * This label marks a stand-in. Its value is the digest of everything that the stand-in is made
 * from.
 */
const recipeLabel = 'vault.stand-in';

type StandIn = {
  readonly tags: readonly string[];
  /**
   * The files that determine the content of this stand-in, besides those that determine the content
   * of all.
   */
  readonly sources: readonly string[];
  /** Adds its own files to Debian's root folder. */
  readonly complete: (folder: string) => Promise<void>;
  /** Further lines of its Dockerfile. */
  readonly settings: string;
};

const recipeOf = ({ sources }: StandIn): string => {
  const hash = createHash('sha256');
  const own = [
    'package-lock.json',
    import.meta.filename,
    join(import.meta.dirname, 'debian-root.ts'),
    join(import.meta.dirname, 'node-24.ts'),
  ];
  for (const file of [...own, ...sources]) hash.update(readFileSync(file));
  return hash.digest('hex').slice(0, 12);
};

const labelOf = (tag: string): Promise<string> =>
  docker(['image', 'inspect', '--format', `{{index .Config.Labels "${recipeLabel}"}}`, tag]);

const make = async (root: string, standIn: StandIn, recipe: string): Promise<void> => {
  const context = join(root, '.local', 'container', 'stand-in');
  const folder = join(context, 'root');
  await makeDebianRoot({ folder, root });
  await standIn.complete(folder);
  const archive = join(context, 'root.tar');
  const owner = ['--owner=0', '--group=0', '--mode=a+rX'];
  await run('tar', ['-c', '-f', archive, '-C', folder, ...owner, '.']);
  const lines = `FROM scratch\nADD root.tar /\nLABEL ${recipeLabel}=${recipe}\n${standIn.settings}`;
  writeFileSync(join(context, 'Dockerfile'), lines);
  for (const path of [folder, join(context, 'packages')]) rmSync(path, { recursive: true });
  const tags = standIn.tags.flatMap((tag) => ['--tag', tag]);
  await docker(['build', '--quiet', ...tags, context]);
  rmSync(context, { recursive: true });
};

/**
 * Makes the stand-in unless its images can be pulled or it already exists. Returns whether it made
 * it.
 */
const ensure = async (root: string, standIn: StandIn, say: (line: string) => void) => {
  const recipe = recipeOf(standIn);
  let why: string | undefined;
  for (const tag of standIn.tags) {
    why ??= (await findImage(tag))?.why;
    if (why === undefined && ![recipe, ''].includes(await labelOf(tag)))
      why = 'its stand-in is old';
  }
  if (why === undefined) return false;
  say(`${why}: making a stand-in for ${standIn.tags.join(' and ')} out of Debian's packages`);
  await make(root, standIn, recipe);
  return true;
};

/**
 * Copies the packages that the product needs when it runs, as the Dockerfile of a node would
 * install them.
 */
const copyPackages = async (root: string, to: string): Promise<void> => {
  const args = ['ls', '--omit=dev', '--omit=optional', '--all', '--parseable'];
  const listed = await run('npm', args, { cwd: root });
  const folders = listed
    .split('\n')
    .filter((path) => path.startsWith(`${root}/`))
    .map((path) => path.slice(root.length + 1));
  mkdirSync(to, { recursive: true });
  const script = 'tar -c -C "$0" --files-from=- | tar -x -C "$1"';
  await run('sh', ['-c', script, root, to], { input: folders.join('\n') });
};

/**
 * One image stands in for both images in `nodeImages`. It contains this machine's etcd, and the
 * packages that the Dockerfile of a node would fetch.
 */
const nodeStandIn = (root: string): StandIn => {
  const etcd = findProgram('etcd');
  if (etcd === undefined)
    throw failure('to make the image of a node here, etcd must be on the PATH');
  return {
    tags: Object.values(nodeImages),
    sources: [etcd],
    complete: async (folder) => {
      const programs = join(folder, 'usr/local/bin');
      mkdirSync(programs, { recursive: true });
      copyFileSync(etcd, join(programs, 'etcd'));
      chmodSync(join(programs, 'etcd'), 0o755);
      await copyPackages(root, join(folder, 'vault'));
    },
    settings: '',
  };
};

/**
 * The paths in Lambda's image of its runtime, and of the program that starts the runtime under
 * LocalStack. sam brings a program of its own for that.
 */
const places = {
  bootstrap: 'var/runtime',
  'runtime.mts': 'var/runtime',
  init: 'var/rapid',
  'init.mts': 'var/rapid',
};
const lambdaFile = (name: string): string => join(import.meta.dirname, 'lambda', name);

const lambdaStandIn: StandIn = {
  tags: [lambdaImage],
  sources: Object.keys(places).map(lambdaFile),
  complete: async (folder) => {
    for (const path of ['var/task', 'var/runtime', 'var/lang/bin', 'var/rapid']) {
      mkdirSync(join(folder, path), { recursive: true });
    }
    for (const [name, place] of Object.entries(places)) {
      const copy = join(folder, place, name);
      copyFileSync(lambdaFile(name), copy);
      chmodSync(copy, 0o755);
    }
    symlinkSync('/usr/bin/node', join(folder, 'var/lang/bin/node'));
  },
  settings: `ENV PATH=/var/lang/bin:/usr/local/bin:/usr/bin:/bin:/opt/bin LANG=C.UTF-8 TZ=UTC \\
    LAMBDA_TASK_ROOT=/var/task LAMBDA_RUNTIME_DIR=/var/runtime
WORKDIR /var/task
ENTRYPOINT ["/var/rapid/aws-lambda-rie"]
`,
};

/** The version of the init program that LocalStack downloads, in the release that we pin. */
const initVersion = 'v0.1.41-pre';

/**
 * Puts the stand-in's init program where the LocalStack of a data folder keeps the one that it
 * downloads. It then downloads none, and copies this one into the containers of functions. Does
 * nothing if Lambda's image is not a stand-in.
 */
export const placeInit = async (dataFolder: string): Promise<void> => {
  if ((await labelOf(lambdaImage)) === '') return;
  const libraries = join(localstackFolderOf(dataFolder), 'localstack/var/lib/localstack/lib');
  const folder = join(libraries, 'lambda-runtime', initVersion, lambdaArchitecture, 'var/rapid');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  copyFileSync(lambdaFile('init'), join(folder, 'init'));
  chmodSync(join(folder, 'init'), 0o755);
};

/**
 * Returns when the image of a vault node can be built. Throws an error for the user if it cannot.
 */
export const ensureNodeImages = async (
  root: string,
  say: (line: string) => void,
): Promise<void> => {
  await ensure(root, nodeStandIn(root), say);
};

/**
 * Returns when sam and LocalStack can find the image for functions. Throws an error for the user if
 * they cannot.
 */
export const ensureLambdaImage = async (
  root: string,
  say: (line: string) => void,
): Promise<void> => {
  const isNew = await ensure(root, lambdaStandIn, say);
  if (isNew && (await hasImage(samTag))) await docker(['rmi', '--force', samTag]);
};
