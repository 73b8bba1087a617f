/** The common parts of all commands of `dsv`: flags, help, and errors of the command line. */
import { Command, type CommanderError } from '@commander-js/extra-typings';
import { isSecretName, parseAskedInstant } from '../functions/model/types.ts';
import { type Client, openClient } from './client.ts';
import { type Failure, usage } from './failures.ts';
import { type Flags, readSettings, type Settings } from './settings.ts';

/** A command with examples before all other help. It throws its errors and does not print them. */
export const newCommand = (name: string, summary: string, examples: string) =>
  new Command(name)
    .description(summary)
    .addHelpText('before', `Examples:\n${examples.trim().replaceAll(/^ */gm, '  ')}\n`)
    .helpOption('-h, --help', 'show this')
    .exitOverride()
    .configureOutput({ outputError: () => undefined })
    .showSuggestionAfterError(false);

/** A command that needs no vault. */
export const offlineCommand = (name: string, summary: string, examples: string) =>
  newCommand(name, summary, examples).option('--json', 'print one JSON document');

/** A command that asks the vault. */
export const vaultCommand = (name: string, summary: string, examples: string) =>
  offlineCommand(name, summary, examples)
    .option('--addr <url>', 'where the vault is (DSV_ADDR)')
    .option('--token-file <file>', 'a file with the token (DSV_TOKEN_FILE; DSV_TOKEN holds one)')
    .option('--profile <name>', 'a profile that dsv login has stored (DSV_PROFILE)')
    .option('--timeout <seconds>', 'the time limit of one attempt (DSV_TIMEOUT)')
    .option('--retries <count>', 'the number of attempts after the first (DSV_RETRIES)')
    .option('--verbose', 'print requests and statuses on stderr')
    .option('--curl', 'print the request, without token and values, instead of sending it');

/** A command that writes. It can be repeated safely if its outcome was lost. */
export const writingCommand = (name: string, summary: string, examples: string) =>
  vaultCommand(name, summary, examples).option(
    '--idempotency-key <key>',
    'the key of an earlier attempt, so that a repetition has no second effect',
  );

export type Session = { readonly settings: Settings; readonly client: Client };

export const openSession = (flags: Flags): Session => {
  const settings = readSettings(flags);
  return { settings, client: openClient(settings) };
};

/** Returns a valid secret name. The error does not repeat an invalid name, because it may be a value. */
export const secretName = (text: string): string => {
  if (isSecretName(text)) return text;
  throw usage('NAME is a letter or _, then letters, digits, _ . or -, at most 128 in all');
};

export const versionNumber = (text: string): number => {
  if (/^[1-9][0-9]{0,8}$/.test(text)) return Number(text);
  throw usage('a version is a number from 1');
};

/** Returns a valid instant of `--at`. The vault itself checks that it is not in the future. */
export const askedInstant = (text: string): string => {
  if (parseAskedInstant(text) !== undefined) return text;
  throw usage('--at is an instant in UTC, such as 2026-11-24T14:31:00Z');
};

/** Commands that users of other tools expect, with the alternative of `dsv`. */
const otherWords: ReadonlyMap<string, string> = new Map([
  ...['delete', 'rm', 'remove'].map(
    (word) => [word, 'no secret can be deleted; dsv update replaces its value'] as const,
  ),
  ...['set', 'put', 'add'].map(
    (word) => [word, 'dsv create stores a new secret, dsv update its next version'] as const,
  ),
  ...['show', 'read', 'cat'].map((word) => [word, 'dsv get prints a value'] as const),
  ['ls', 'dsv list prints the names'],
  ['versions', 'dsv history lists the versions'],
]);

/** The failure for a wrong command line. Its message repeats only names of flags and commands, never arguments. */
export const misuse = (error: CommanderError): Failure => {
  const flag = /'(?:-\w, )?(--[a-z][a-z0-9-]*)/.exec(error.message)?.[1];
  const sentences: Readonly<Record<string, string>> = {
    'commander.unknownOption': 'there is no such option',
    'commander.unknownCommand': 'there is no such command',
    'commander.excessArguments': 'too many arguments: a value is never one of them',
    'commander.missingArgument': 'an argument is missing',
    'commander.optionMissingArgument': `${flag} needs an argument`,
    'commander.missingMandatoryOptionValue': `${flag} is needed`,
    'commander.conflictingOption': 'two options exclude each other',
    'commander.invalidArgument': `${flag ?? 'the argument'} does not take this`,
  };
  const word = /unknown command '(\w+)'/.exec(error.message)?.[1];
  const known = sentences[error.code] ?? 'the command line is wrong';
  const instead = otherWords.get(word ?? '');
  const sentence = instead === undefined ? known : `${known}: ${instead}`;
  return usage(`${sentence}; --help shows how it is used`);
};
