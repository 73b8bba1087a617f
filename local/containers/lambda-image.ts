/** The image that functions run in: AWS's own if it can be pulled, else a stand-in made out of packages. */
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
import { makeDebianRoot } from './debian-root.ts';
import { docker, findImage, hasImage } from './docker.ts';
import { run } from './run.ts';

export type LambdaImageOptions = {
  /** Holds node_modules. */
  readonly root: string;
  readonly say: (line: string) => void;
};

export type LambdaImage = {
  /** Another image may get the same tag later; this id names the image that was found. */
  readonly id: string;
  readonly isStandIn: boolean;
};

/** This machine's processor, as named by the template's parameter and by the image's tag. */
export const lambdaArchitecture = process.arch === 'arm64' ? 'arm64' : 'x86_64';

const image = 'public.ecr.aws/lambda/nodejs:24';
/** The tag under which sam looks for the image. */
const tag = `${image}-${lambdaArchitecture}`;
/** The tag of the image that sam builds once from it, with its own entry point. */
const samTag = `${image}-rapid-${lambdaArchitecture}`;
/** This label marks a stand-in, and names the version of its recipe. */
const recipeLabel = 'vault.lambda-image';

/** The paths of the runtime and of the program that starts it under LocalStack; sam brings its own program. */
const places = {
  bootstrap: 'var/runtime',
  'runtime.mts': 'var/runtime',
  init: 'var/rapid',
  'init.mts': 'var/rapid',
};
const files = Object.keys(places);

const recipeOf = (root: string): string => {
  const hash = createHash('sha256').update(readFileSync(join(root, 'package-lock.json')));
  const here = ['debian-root.ts', 'lambda-image.ts', ...files.map((file) => `lambda/${file}`)];
  for (const file of here) hash.update(readFileSync(join(import.meta.dirname, file)));
  return hash.digest('hex').slice(0, 12);
};

const dockerfileOf = (recipe: string): string => `FROM scratch
ADD root.tar /
LABEL ${recipeLabel}=${recipe}
ENV PATH=/var/lang/bin:/usr/local/bin:/usr/bin:/bin:/opt/bin LANG=C.UTF-8 TZ=UTC \\
    LAMBDA_TASK_ROOT=/var/task LAMBDA_RUNTIME_DIR=/var/runtime
WORKDIR /var/task
ENTRYPOINT ["/var/rapid/aws-lambda-rie"]
`;

const makeStandIn = async (root: string, recipe: string): Promise<void> => {
  const context = join(root, '.local', 'container', 'lambda');
  const folder = join(context, 'root');
  await makeDebianRoot({ folder, root });
  for (const path of ['var/task', 'var/runtime', 'var/lang/bin', 'var/rapid']) {
    mkdirSync(join(folder, path), { recursive: true });
  }
  for (const [file, place] of Object.entries(places)) {
    const copy = join(folder, place, file);
    copyFileSync(join(import.meta.dirname, 'lambda', file), copy);
    chmodSync(copy, 0o755);
  }
  symlinkSync('/usr/bin/node', join(folder, 'var/lang/bin/node'));
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
  writeFileSync(join(context, 'Dockerfile'), dockerfileOf(recipe));
  rmSync(folder, { recursive: true });
  rmSync(join(context, 'packages'), { recursive: true });
  await docker(['build', '--quiet', '--tag', tag, context]);
  rmSync(context, { recursive: true });
  if (await hasImage(samTag)) await docker(['rmi', '--force', samTag]);
};

const describe = async (isStandIn: boolean): Promise<LambdaImage> => ({
  id: await docker(['image', 'inspect', '--format', '{{.Id}}', tag]),
  isStandIn,
});

/** Returns when sam finds the image. Throws one sentence if it can neither be pulled nor be made. */
export const ensureLambdaImage = async ({
  root,
  say,
}: LambdaImageOptions): Promise<LambdaImage> => {
  const missing = await findImage(tag);
  const recipe = recipeOf(root);
  if (missing === undefined) {
    const format = `{{index .Config.Labels "${recipeLabel}"}}`;
    const label = await docker(['image', 'inspect', '--format', format, tag]);
    if (label === '' || label === recipe) return describe(label !== '');
    say('the stand-in for the Lambda image has another version: making a new one');
  } else {
    say(`${missing.why}: making a stand-in for the Lambda image out of packages`);
  }
  await makeStandIn(root, recipe);
  return describe(true);
};
