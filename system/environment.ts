/** The environment of this process, which only this file reads, and the folders that it names. */
import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';

export const environment: Readonly<NodeJS.ProcessEnv> = process.env;

/** The value of a variable. An empty variable counts as unset, because scripts unset variables that way. */
export const variable = (name: string): string | undefined => environment[name] || undefined;

/** The variables that give `dsvault` a token. Windows ignores case. */
const isToken = (name: string): boolean => /^DSVAULT_TOKEN(_FILE|_COMMAND)?$/i.test(name);

type Options = {
  /** Passes on no other variables than those that `keepToken` asks for. */
  readonly pristine?: true | undefined;
  readonly keepToken?: true | undefined;
};

/** The environment for a program that does not act for `dsvault`: by default all but the tokens. */
export const environmentFor = ({ pristine, keepToken }: Options = {}): NodeJS.ProcessEnv =>
  Object.fromEntries(
    Object.entries(environment).filter(([name]) => (isToken(name) ? keepToken : !pristine)),
  );

/** The folder of files that may be lost at any time. */
export const cacheFolder = (): string => ownFolder('XDG_CACHE_HOME', '.cache');

export const configurationFolder = (): string => ownFolder('XDG_CONFIG_HOME', '.config');

/**
 * A folder of `dsvault`. A relative path in the variable is ignored, as the XDG standard says, and so is an
 * empty home. Otherwise the folder of a project could hold a profile with a command.
 */
const ownFolder = (name: string, preset: string): string => {
  const given = variable(name);
  const folder = given !== undefined && isAbsolute(given) ? given : join(homedir(), preset);
  return resolve('/', folder, 'dsvault');
};
