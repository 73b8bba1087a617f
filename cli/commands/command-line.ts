/** What commands share: options, arguments, help, and the errors of a wrong command line. */
import { Command, type CommanderError, type CommandUnknownOpts } from '@commander-js/extra-typings';
import { limits } from '../../functions/model/limits.ts';
import {
  formatInstant,
  isNote,
  isSecretName,
  parseAskedInstant,
} from '../../functions/model/types.ts';
import { type Failure, usage } from '../../system/failures.ts';
import { withSettings } from '../requests/settings.ts';
import { withValue } from '../values/read-value.ts';

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

/** The name of a command, a sentence about it, and examples of it, one a line. */
export type About = readonly [name: string, summary: string, ...examples: string[]];

/** The options of a command that this function makes. */
export type OptionsOf<Make extends (...about: never) => CommandUnknownOpts> = ReturnType<
  ReturnType<Make>['opts']
>;

/** A command that shows examples before all other help, and throws its errors instead of printing them. */
export const newCommand = (...[name, summary, ...examples]: About) => {
  const lines = examples.join('\n');
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
export const offlineCommand = (...about: About) =>
  newCommand(...about)
    .optionsGroup(sharedOptions)
    .option('--json', 'print one JSON document')
    .optionsGroup(ownOptions);

/** A command that asks the vault. */
export const vaultCommand = (...about: About) =>
  withSettings(offlineCommand(...about).optionsGroup(sharedOptions)).optionsGroup(ownOptions);

/** A command that writes a version, and can be repeated safely if its outcome was lost. */
export const writingCommand = (...about: About) =>
  vaultCommand(...about)
    .option('--note <text>', 'a remark on what is written; it is not secret', noteText)
    .option(
      '--idempotency-key <key>',
      'the key of an earlier attempt, so that a repetition has no second effect',
    );

/** A command that writes a given value. */
export const valueCommand = (...about: About) =>
  withValue(writingCommand(...about).argument(...nameArgument));

// Commander calls these functions while it parses, so a command has only valid arguments and options.

/** Returns a valid secret name. The error does not repeat an invalid name, because it may be a value. */
export const secretName = (text: string): string => {
  if (isSecretName(text)) return text;
  throw usage('NAME is a letter or _, then letters, digits, _ . or -, at most 128 in all');
};

export const versionNumber = (text: string): number => {
  if (/^[1-9][0-9]{0,8}$/.test(text)) return Number(text);
  throw usage('a version is a number from 1');
};

export const nameArgument = ['<name>', '', secretName] as const;

export const ifVersionOption = [
  '--if-version <number>',
  'only while this is the current version',
  versionNumber,
] as const;

/** A version of a secret as users write it: `NAME@VERSION`, or `NAME` alone. */
export type VersionArgument = { readonly name: string; readonly version: number | undefined };

export const versionArgument = (text: string): VersionArgument => {
  const [name = '', ...rest] = text.split('@');
  const version = rest.length === 0 ? undefined : versionNumber(rest.join('@'));
  return { name: secretName(name), version };
};

/** Returns a valid note. The error does not repeat an invalid note, because it may be a value. */
const noteText = (note: string): string => {
  // Node puts U+FFFD in place of bytes that are not UTF-8.
  if (isNote(note) && !note.includes('\ufffd')) return note;
  throw usage(
    `--note is one line of UTF-8, 1 to ${limits.noteBytesMax} bytes, without control characters`,
  );
};

/**
 * Reads the instant that a flag names, as the vault writes it; its seconds may be missing. The vault itself
 * checks that the instant is not in the future.
 */
export const instantOf =
  (flag: string) =>
  (text: string): string => {
    const instant = parseAskedInstant(text.replace(/(?<=T\d\d:\d\d)(?=Z$)/, ':00'));
    if (instant !== undefined) return formatInstant(instant);
    throw usage(`${flag} is an instant in UTC, such as 2026-11-24T14:31:00Z`);
  };

/** Commands that users of other tools expect, with the alternative of `dsvault`. */
const otherWords: readonly (readonly [words: RegExp, instead: string])[] = [
  [/^(rm|remove)$/, 'dsvault delete deletes a secret'],
  [/^(purge|shred|erase)$/, 'dsvault destroy removes old values for ever'],
  [/^undelete$/, 'dsvault restore brings a deleted secret back'],
  [/^generate$/, 'dsvault create --generate makes a value'],
  [/^(set|put|add)$/, 'dsvault create stores a new secret, dsvault update its next version'],
  [/^(show|read|cat)$/, 'dsvault get prints a value'],
  [/^ls$/, 'dsvault list prints the names'],
  [/^versions$/, 'dsvault history lists the versions'],
];

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
  const word = /unknown command '(\w+)'/.exec(error.message)?.[1] ?? '';
  const instead = otherWords.find(([words]) => words.test(word))?.[1];
  // Commander suggests known names only, on a line of their own at the end.
  const suggestion = /\n\(D(id you mean [a-z, -]+\?)\)$/.exec(error.message)?.[1];
  const known = sentences[error.code] ?? 'the command line is wrong';
  const hint = instead ? `: ${instead};` : suggestion ? `; d${suggestion}` : ';';
  return usage(`${known}${hint} --help shows how it is used`);
};
