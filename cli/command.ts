/** What all commands of `dsv` have in common: their flags, their help, and how their command lines fail. */
import { Command, type CommanderError } from '@commander-js/extra-typings';
import { parseAskedInstant } from '../functions/model/instants.ts';
import { isSecretName } from '../functions/model/names.ts';
import { type Client, openClient } from './client.ts';
import { type Failure, usage } from './failures.ts';
import { type Flags, readSettings, type Settings } from './settings.ts';

/** A command with its examples before all other help. Its errors are thrown, not printed. */
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
    .option('--profile <name>', 'what dsv login kept (DSV_PROFILE)')
    .option('--timeout <seconds>', 'of one try (DSV_TIMEOUT)')
    .option('--retries <count>', 'tries after the first (DSV_RETRIES)')
    .option('--verbose', 'tell on stderr what is asked and answered')
    .option('--curl', 'print the request, without token and values, in place of sending it');

/** One that writes: to be repeated safely after its outcome was lost. */
export const writingCommand = (name: string, summary: string, examples: string) =>
  vaultCommand(name, summary, examples).option(
    '--idempotency-key <key>',
    'the key of an earlier try, to be repeated without a second effect',
  );

export type Session = { readonly settings: Settings; readonly client: Client };

export const openSession = (flags: Flags): Session => {
  const settings = readSettings(flags);
  return { settings, client: openClient(settings) };
};

/** The name as it is. What is no name is not repeated: it may be a value. */
export const secretName = (text: string): string => {
  if (isSecretName(text)) return text;
  throw usage('NAME is a letter or _, then letters, digits, _ . or -, at most 128 in all');
};

export const versionNumber = (text: string): number => {
  if (/^[1-9][0-9]{0,8}$/.test(text)) return Number(text);
  throw usage('a version is a number from 1');
};

/** The instant of `--at` as it is. Whether it lies in the future, the vault says. */
export const askedInstant = (text: string): string => {
  if (parseAskedInstant(text) !== undefined) return text;
  throw usage('--at is an instant in UTC, such as 2026-11-24T14:31:00Z');
};

/** Commands that users of other tools expect, and what `dsv` has instead. */
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

/** Error messages repeat nothing of a command line but the names of flags and commands. */
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
