/** Runs the Docker client as in the user's shell. */

import { type RunOptions, run } from '../../host/process/run.ts';
import { failure, sentenceOf } from '../../system/failures.ts';

/**
 * Returns variables that select Docker's classic builder if its successor, buildx, is not
 * installed, because the Docker client does not find out by itself.
 */
const builderOf = async (): Promise<NodeJS.ProcessEnv> => {
  try {
    await run('docker', ['buildx', 'version']);
    return {};
  } catch {
    return { DOCKER_BUILDKIT: '0', COMPOSE_DOCKER_CLI_BUILD: '0' };
  }
};
let builder: Promise<NodeJS.ProcessEnv> | undefined;

const withBuilder = async (options: RunOptions): Promise<RunOptions> => {
  builder ??= builderOf();
  return { ...options, env: { ...(await builder), ...options.env } };
};

/** Runs the client. Returns its output, or throws an error with its last line. */
export const docker = async (args: readonly string[], options: RunOptions = {}): Promise<string> =>
  run('docker', args, await withBuilder(options));

/**
 * The reason why no daemon answers. `isDenied`: there may be a daemon, but this user may not use
 * it.
 */
type NoDaemon = { readonly why: string; readonly isDenied: boolean };

/** Checks whether a daemon answers. Returns `undefined` if one does, otherwise the reason. */
export const findDaemon = async (): Promise<NoDaemon | undefined> => {
  try {
    await docker(['version', '--format', '{{.Server.Version}}'], { timeoutMs: 10_000 });
    return undefined;
  } catch (error) {
    const why = sentenceOf(error);
    return { why, isDenied: /permission denied/i.test(why) };
  }
};

/** Throws a sentence that says what to do if no daemon answers. */
export const requireDocker = async (): Promise<void> => {
  const missing = await findDaemon();
  if (missing === undefined) return;
  throw failure(
    missing.isDenied
      ? `this user may not use Docker (${missing.why}): add the user to the group docker and log in again, or run this as root`
      : `no Docker daemon answers (${missing.why}): start one`,
  );
};

export const hasImage = async (tag: string): Promise<boolean> => {
  const ids = await docker(['images', '--quiet', tag]);
  return ids !== '';
};

/** Pulls an image unless it is here already. Returns the reason if it cannot be pulled. */
export const findImage = async (tag: string): Promise<{ readonly why: string } | undefined> => {
  if (await hasImage(tag)) return undefined;
  try {
    await docker(['pull', '--quiet', tag]);
    return undefined;
  } catch (error) {
    return { why: sentenceOf(error) };
  }
};

/**
 * The architecture of this machine's processor, as the template's parameter and the image's tag
 * name it.
 */
export const lambdaArchitecture = process.arch === 'arm64' ? 'arm64' : 'x86_64';

/** The image in which functions run, with the tag for which sam looks. */
export const lambdaImage = `public.ecr.aws/lambda/nodejs:24-${lambdaArchitecture}`;

/** Pulls the image of functions if it is not here. Throws a sentence if it cannot be pulled. */
export const ensureLambdaImage = async (): Promise<void> => {
  const missing = await findImage(lambdaImage);
  if (missing !== undefined)
    throw failure(`the image ${lambdaImage} cannot be had: ${missing.why}`);
};
