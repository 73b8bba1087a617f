/** The environment of this process. Only this module reads it: for settings, `--values-from-env`, and `run`. */
import { homedir } from 'node:os';
import { join } from 'node:path';

export const environment: Readonly<NodeJS.ProcessEnv> = process.env;

/** The value of a variable. An empty variable counts as unset, because scripts unset variables that way. */
export const variable = (name: string): string | undefined => environment[name] || undefined;

/** The folder of files that may be lost at any time. */
export const cacheFolder = (): string =>
  join(variable('XDG_CACHE_HOME') ?? join(homedir(), '.cache'), 'dsv');

export const configurationFolder = (): string =>
  join(variable('XDG_CONFIG_HOME') ?? join(homedir(), '.config'), 'dsv');
