/**
 * The environment of this process, which `dsvault` and the GitHub Action read only here, and the
 * folders that it names.
 */
import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';

export const environment: Readonly<NodeJS.ProcessEnv> = process.env;

/**
 * The value of a variable. An empty variable counts as unset, because scripts clear variables that
 * way.
 */
export const variable = (name: string): string | undefined => environment[name] || undefined;

/** Whether a variable gives `dsvault` a token, such as `DSVAULT_TOKEN_FILE`. */
const isToken = (name: string): boolean => /^DSVAULT_TOKEN(_FILE|_COMMAND)?$/.test(name);

type Options = {
  /** Pass on no variables at all, except the token variables if `keepToken` is set. */
  readonly pristine?: true | undefined;
  readonly keepToken?: true | undefined;
};

/**
 * Returns the environment for a program that does not act on behalf of `dsvault`: by default all
 * variables of this process except those that give `dsvault` a token.
 */
export const environmentFor = ({ pristine, keepToken }: Options = {}): NodeJS.ProcessEnv =>
  Object.fromEntries(
    Object.entries(environment).filter(([name]) => (isToken(name) ? keepToken : !pristine)),
  );

/** The folder in which `dsvault` keeps files that may disappear at any time. */
export const cacheFolder = (): string => ownFolder('XDG_CACHE_HOME', '.cache');

export const configurationFolder = (): string => ownFolder('XDG_CONFIG_HOME', '.config');

/**
 * A folder of `dsvault`. It never depends on the working directory: a relative path in the variable
 * is ignored, as the XDG standard says, and an empty home counts as `/`. Otherwise `dsvault` could
 * take a profile with a command from the folder of a project.
 */
const ownFolder = (name: string, preset: string): string => {
  const given = variable(name);
  const folder = given !== undefined && isAbsolute(given) ? given : join(homedir(), preset);
  return resolve('/', folder, 'dsvault');
};
