/**
 * How a user types a command where this program runs. Messages and help name the commands of a
 * checkout. The image has no npm scripts, only the programs of `host/bin`; its Dockerfile sets
 * `VAULT_IN_IMAGE`.
 */
import { shellWord } from './data-folder.ts';

type Environment = NodeJS.ProcessEnv;

/** Whether this program runs in a container of the image. */
export const isInImage = (environment: Environment): boolean =>
  Boolean(environment['VAULT_IN_IMAGE']);

/** Patterns for the commands of a checkout, each with the command that replaces it in the image. */
const inImage: readonly (readonly [command: RegExp, replacement: string])[] = [
  [/npm run (?:-s )?cluster -- init/g, 'node host/bin/init.ts'],
  [/npm run cluster\b/g, 'docker compose up'],
  // A node signs no tokens. The compose service `init`, which made the cluster, does.
  [/npm run token without VAULT_DATA_DIR/g, 'docker compose run --rm init token'],
  [/npm run (?:-s )?node -- /g, 'node '],
  [/npm (?:run (?:-s )?)?(\w+)(?: --)?/g, 'node host/bin/$1.ts'],
];

/**
 * Returns the text with its commands as they are typed here. It must not contain words of a caller,
 * because commands in those would be rewritten, too.
 */
export const asTypedHere = (text: string, environment: Environment = process.env): string =>
  isInImage(environment)
    ? inImage.reduce(
        (typed, [command, replacement]) => typed.replaceAll(command, replacement),
        text,
      )
    : text;

/**
 * Returns the setting to write before a command so that it finds this folder. Empty if
 * `VAULT_DATA_DIR` is not set, and in a container, which gives the variable to each of its
 * processes.
 */
export const folderSetting = (environment: Environment, folder: string): string =>
  environment['VAULT_DATA_DIR'] && !isInImage(environment)
    ? `VAULT_DATA_DIR=${shellWord(folder)} `
    : '';
