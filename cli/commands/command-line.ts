/** What commands share: options, arguments, help, and the errors of a wrong command line. */
import { Command, type CommanderError, type CommandUnknownOpts } from '@commander-js/extra-typings';
import {
  formatInstant,
  isNote,
  isSecretName,
  parseAskedInstant,
} from '../../functions/model/types.ts';
import { type Failure, usage } from '../../system/failures.ts';
import { alphabetNames } from '../values/generate.ts';

/** The groups of commands or options, each in its order; the shared options come last. */
const inGroups = <Item>(
  _: readonly Item[],
  items: readonly Item[],
  groupOf: (item: Item) => string,
): Map<string, Item[]> => {
  const isLast = (title: string) => Number(title === sharedOptions);
  const titles = [...new Set(items.map(groupOf))].sort((a, b) => isLast(a) - isLast(b));
  return new Map(titles.map((title) => [title, items.filter((item) => groupOf(item) === title)]));
};

const examplesOfCommands = new WeakMap<CommandUnknownOpts, string>();
const commandsOfErrors = new WeakMap<CommanderError, CommandUnknownOpts>();

/** The examples of a command, one a line. */
export const examplesOf = (command: CommandUnknownOpts): string =>
  examplesOfCommands.get(command) ?? '';

/** A command that shows examples before all other help, and throws its errors instead of printing them. */
export const newCommand = (name: string, summary: string, examples: string) => {
  const lines = examples.trim().replaceAll(/^ */gm, '');
  const command = new Command(name)
    .description(summary)
    .addHelpText('before', `Examples:\n${lines.replaceAll(/^/gm, '  ')}\n`)
    .helpOption('-h, --help', 'show this')
    .configureHelp({ groupItems: inGroups })
    .configureOutput({ outputError: () => undefined });
  command.exitOverride((error) => {
    commandsOfErrors.set(error, command);
    throw error;
  });
  examplesOfCommands.set(command, lines);
  return command;
};

const ownOptions = 'Options:';
const sharedOptions = 'Options of most commands:';

/** A command that needs no vault. */
export const offlineCommand = (name: string, summary: string, examples: string) =>
  newCommand(name, summary, examples)
    .optionsGroup(sharedOptions)
    .option('--json', 'print one JSON document')
    .optionsGroup(ownOptions);

/** A command that asks the vault. */
export const vaultCommand = (name: string, summary: string, examples: string) =>
  offlineCommand(name, summary, examples)
    .optionsGroup(sharedOptions)
    .option('--addr <url>', 'where the vault is (DSVAULT_ADDR)')
    .option(
      '--token-file <file>',
      'a file with the token (DSVAULT_TOKEN_FILE; DSVAULT_TOKEN holds one)',
    )
    .option('--profile <name>', 'a profile that dsvault login has stored (DSVAULT_PROFILE)')
    .option('--timeout <seconds>', 'the time limit of one attempt (DSVAULT_TIMEOUT)')
    .option('--retries <count>', 'the number of attempts after the first (DSVAULT_RETRIES)')
    .option('--verbose', 'print requests and statuses on stderr')
    .option('--curl', 'print the request, without token and values, instead of sending it')
    .optionsGroup(ownOptions);

/** A command that writes a version, and can be repeated safely if its outcome was lost. */
export const writingCommand = (name: string, summary: string, examples: string) =>
  vaultCommand(name, summary, examples)
    .option('--note <text>', 'a remark on what is written; it is not secret')
    .option(
      '--idempotency-key <key>',
      'the key of an earlier attempt, so that a repetition has no second effect',
    );

/** A command that writes a given value. `readValue` (values/read-value.ts) reads it. */
export const valueCommand = (name: string, summary: string, examples: string) =>
  writingCommand(name, summary, examples)
    .argument('<name>')
    .option('--value-file <file>', 'the value is the content of the file')
    .option('--prompt', 'ask for the value at the terminal, without an echo')
    .option('--value <value>', 'the value itself, seen by everyone who can list processes')
    .option('--generate <length>', 'make the value: so many random characters')
    .option('--alphabet <set>', `of these: ${alphabetNames}, or the characters themselves (alnum)`)
    .option('--show-value', 'print the value that --generate made')
    .option('--base64', 'the value is given as base64')
    .option('--allow-empty', 'store an empty value, too');

/** Returns a valid secret name. The error does not repeat an invalid name, because it may be a value. */
export const secretName = (text: string): string => {
  if (isSecretName(text)) return text;
  throw usage('NAME is a letter or _, then letters, digits, _ . or -, at most 128 in all');
};

export const versionNumber = (text: string): number => {
  if (/^[1-9][0-9]{0,8}$/.test(text)) return Number(text);
  throw usage('a version is a number from 1');
};

/** A version of a secret as users write it: `NAME@VERSION`, or `NAME` alone. */
export type VersionArgument = { readonly name: string; readonly version: number | undefined };

export const versionArgument = (text: string): VersionArgument => {
  const [name = '', ...rest] = text.split('@');
  const version = rest.length === 0 ? undefined : versionNumber(rest.join('@'));
  return { name: secretName(name), version };
};

/** The property `note` of a request. The error does not repeat an invalid note, because it may be a value. */
export const noteOf = ({ note }: { readonly note?: string | undefined }): { note?: string } => {
  if (note === undefined) return {};
  // Node puts U+FFFD in place of bytes that are not UTF-8.
  if (isNote(note) && !note.includes('\ufffd')) return { note };
  throw usage('--note is one line of UTF-8, 1 to 512 bytes, without control characters');
};

/**
 * Returns the instant that a flag names, as the vault writes it; its seconds may be missing. The vault itself
 * checks that it is not in the future.
 */
export const askedInstant = (text: string, flag = '--at'): string => {
  const instant = parseAskedInstant(text.replace(/(?<=T\d\d:\d\d)(?=Z$)/, ':00'));
  if (instant !== undefined) return formatInstant(instant);
  throw usage(`${flag} is an instant in UTC, such as 2026-11-24T14:31:00Z`);
};

/** Commands that users of other tools expect, with the alternative of `dsvault`. */
const otherWords: ReadonlyMap<string, string> = new Map([
  ...['rm', 'remove'].map((word) => [word, 'dsvault delete deletes a secret'] as const),
  ...['purge', 'shred', 'erase'].map(
    (word) => [word, 'dsvault destroy removes old values for ever'] as const,
  ),
  ['undelete', 'dsvault restore brings a deleted secret back'],
  ['generate', 'dsvault create --generate makes a value'],
  ...['set', 'put', 'add'].map(
    (word) =>
      [word, 'dsvault create stores a new secret, dsvault update its next version'] as const,
  ),
  ...['show', 'read', 'cat'].map((word) => [word, 'dsvault get prints a value'] as const),
  ['ls', 'dsvault list prints the names'],
  ['versions', 'dsvault history lists the versions'],
]);

const withAllBelow = (command: CommandUnknownOpts): readonly CommandUnknownOpts[] => [
  command,
  ...command.commands.flatMap(withAllBelow),
];

/** The option that stands too far in front: the command does not know it, but one below does. */
const misplacedOption = (error: CommanderError): string | undefined => {
  const typed = /^error: unknown option '(--?[a-z][a-z0-9-]*)/.exec(error.message)?.[1];
  const command = commandsOfErrors.get(error);
  const options = command === undefined ? [] : withAllBelow(command).flatMap((one) => one.options);
  return options.some(({ short, long }) => typed === short || typed === long) ? typed : undefined;
};

/** The failure for a wrong command line. The message repeats names of flags and commands, never arguments. */
export const misuse = (error: CommanderError): Failure => {
  const misplaced = misplacedOption(error);
  if (misplaced !== undefined) {
    return usage(`${misplaced} belongs behind the command; --help shows how it is used`);
  }
  const argument = /^error: missing required argument '([a-z]+)'/.exec(error.message)?.[1];
  const flag = /'(?:-\w, )?(--[a-z][a-z0-9-]*)/.exec(error.message)?.[1];
  const sentences: Readonly<Record<string, string>> = {
    'commander.unknownOption': 'there is no such option',
    'commander.unknownCommand': 'there is no such command',
    'commander.excessArguments': 'too many arguments: a value is never one of them',
    'commander.missingArgument': `${argument?.toUpperCase()} is missing`,
    'commander.optionMissingArgument': `${flag} needs an argument`,
    'commander.missingMandatoryOptionValue': `${flag} is needed`,
    'commander.conflictingOption': 'two options exclude each other',
    'commander.invalidArgument': `${flag ?? 'the argument'} does not take this`,
  };
  const word = /unknown command '(\w+)'/.exec(error.message)?.[1];
  const known = sentences[error.code] ?? 'the command line is wrong';
  const instead = otherWords.get(word ?? '');
  if (instead !== undefined) return usage(`${known}: ${instead}; --help shows how it is used`);
  // Commander suggests known names only, on a line of their own at the end.
  const suggestion = /\n\(D(id you mean [a-z, -]+\?)\)$/.exec(error.message)?.[1];
  if (suggestion !== undefined)
    return usage(`${known}; d${suggestion} --help shows how it is used`);
  return usage(`${known}; --help shows how it is used`);
};
