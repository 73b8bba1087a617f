/** Docker as a person's shell has it: the client, and compose in either of its two forms. */
import { failure, sentenceOf } from '../command.ts';
import { hasProgram, type RunOptions, run } from './run.ts';

/** The classic builder where its successor is not installed: the client then wants to be told. */
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

/** Runs the client; returns what it prints, or throws its last words. */
export const docker = async (args: readonly string[], options: RunOptions = {}): Promise<string> =>
  run('docker', args, await withBuilder(options));

/** Why no daemon answers. `isDenied`: there may be one, and this user may not use it. */
type NoDaemon = { readonly why: string; readonly isDenied: boolean };

/** Whether a daemon answers; if none does, why not. */
export const findDaemon = async (): Promise<NoDaemon | undefined> => {
  try {
    await docker(['version', '--format', '{{.Server.Version}}'], { timeoutMs: 10_000 });
    return undefined;
  } catch (error) {
    const why = sentenceOf(error);
    return { why, isDenied: /permission denied/i.test(why) };
  }
};

const findCompose = async (): Promise<readonly [string, ...string[]]> => {
  try {
    await run('docker', ['compose', 'version']);
    return ['docker', 'compose'];
  } catch {
    if (hasProgram('docker-compose')) return ['docker-compose'];
    throw failure(
      'docker compose is needed: install the plugin docker-compose-plugin, or Debian’s docker-compose',
    );
  }
};
let compose: Promise<readonly [string, ...string[]]> | undefined;

export const hasCompose = (): Promise<boolean> =>
  findCompose().then(
    () => true,
    () => false,
  );

/** Runs compose, `docker compose` or else `docker-compose`, like `docker`. */
export const runCompose = async (
  args: readonly string[],
  options: RunOptions = {},
): Promise<string> => {
  compose ??= findCompose();
  const [program, ...first] = await compose;
  return run(program, [...first, ...args], await withBuilder(options));
};

export const hasImage = async (tag: string): Promise<boolean> => {
  const ids = await docker(['images', '--quiet', tag]);
  return ids !== '';
};

/** Sees that an image is here, from its registry if need be. Returns why it cannot be had. */
export const findImage = async (tag: string): Promise<{ readonly why: string } | undefined> => {
  if (await hasImage(tag)) return undefined;
  try {
    await docker(['pull', '--quiet', tag]);
    return undefined;
  } catch (error) {
    return { why: sentenceOf(error) };
  }
};
