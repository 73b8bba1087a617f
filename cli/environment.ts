/** The one place that reads the environment of this process: settings, `--values-from-env`, and what `run` hands on. */
import { homedir } from 'node:os';
import { join } from 'node:path';

export const environment: Readonly<NodeJS.ProcessEnv> = process.env;

/** An empty variable is one that is not set: scripts unset variables that way. */
export const variable = (name: string): string | undefined => environment[name] || undefined;

export const configurationFolder = (): string =>
  join(variable('XDG_CONFIG_HOME') ?? join(homedir(), '.config'), 'dsv');
