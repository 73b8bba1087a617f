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
import { collect } from '../files/enc-values.ts';
import { withSettings } from '../requests/settings.ts';
import { withValue } from '../values/read-value.ts';

/** The groups of commands or options, in order. The shared options come last. */
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

/** The examples of a command, one per line. */
export const examplesOf = (command: CommandUnknownOpts): string =>
  examplesOfCommands.get(command) ?? '';

/** The name of a command, a sentence about it, and examples, one per line. */
export type About = readonly [name: string, summary: string, ...examples: string[]];

/**
 * The type of the parsed options of a command that the function `Make` creates, such as
 * `valueCommand`.
 */
export type OptionsOf<Make extends (...about: never) => CommandUnknownOpts> = ReturnType<
  ReturnType<Make>['opts']
>;

/**
 * Creates a command that shows examples before all other help, and throws its errors instead of
 * printing them.
 */
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

/** Creates a command that needs no vault. */
export const offlineCommand = (...about: About) =>
  newCommand(...about)
    .optionsGroup(sharedOptions)
    .option('--json', 'print one JSON document')
    .optionsGroup(ownOptions);

/** Creates a command that sends requests to the vault. */
export const vaultCommand = (...about: About) =>
  withSettings(offlineCommand(...about).optionsGroup(sharedOptions)).optionsGroup(ownOptions);

/**
 * Creates a command that writes a version, and can be repeated safely if its outcome is unknown.
 */
export const writingCommand = (...about: About) =>
  vaultCommand(...about)
    .option('--note <text>', 'a remark about the version; it is not secret', noteText)
    .option(
      '--idempotency-key <key>',
      'the key of an earlier attempt, so that a repetition has no second effect',
    );

/** Creates a command that stores a given value. */
export const valueCommand = (...about: About) =>
  withValue(writingCommand(...about).argument(...nameArgument));

// Commander calls the functions below while it parses, so a command only gets valid arguments and
// options.

/**
 * Returns a valid secret name. The error does not repeat an invalid name, because it may be a
 * value.
 */
export const secretName = (text: string): string => {
  if (isSecretName(text)) return text;
  if (isSecretName(text.replace(/@[0-9]+$/, ''))) {
    throw usage('NAME takes no @VERSION here; --help shows whether this command has a --version');
  }
  throw usage('NAME is a letter or _, then letters, digits, _ . or -, at most 128 in all');
};

export const versionNumber = (text: string): number => {
  if (/^[1-9][0-9]{0,8}$/.test(text)) return Number(text);
  throw usage('a version is a number from 1');
};

export const nameArgument = ['<name>', '', secretName] as const;

export const ifVersionOption = [
  '--if-version <number>',
  'only if this is the current version',
  versionNumber,
] as const;

/** A version of a secret as users write it: `NAME@VERSION`, or just `NAME`. */
export type VersionArgument = { readonly name: string; readonly version: number | undefined };

export const versionArgument = (text: string): VersionArgument => {
  const [name = '', ...rest] = text.split('@');
  const version = rest.length === 0 ? undefined : versionNumber(rest.join('@'));
  return { name: secretName(name), version };
};

/** Returns a valid note. The error does not repeat an invalid note, because it may be a value. */
const noteText = (note: string): string => {
  // Node replaces bytes of an argument that are not UTF-8 by U+FFFD, so a note with it may not be
  // what the user typed.
  if (isNote(note) && !note.includes('\ufffd')) return note;
  throw usage(
    `--note is one line of UTF-8, 1 to ${limits.noteBytesMax} bytes, without control characters`,
  );
};

/**
 * Reads the instant of a flag in the vault's format; the seconds may be missing. The vault itself
 * checks that it is not in the future.
 */
export const instantOf =
  (flag: string) =>
  (text: string): string => {
    const instant = parseAskedInstant(text.replace(/(?<=T\d\d:\d\d)(?=Z$)/, ':00'));
    if (instant !== undefined) return formatInstant(instant);
    throw usage(`${flag} is an instant in UTC, such as 2026-11-24T14:31:00Z`);
  };

/** The values of these options may be or contain a secret, so no message repeats them. */
const perhapsSecret: ReadonlySet<string> = new Set(['--value', '--token-command', '--addr']);

/** Refuses an option that takes one value and is given twice, instead of taking the last one. */
export const refuseRepeats = (command: CommandUnknownOpts): void => {
  for (const option of command.options) {
    const { long = '', required, variadic, parseArg } = option;
    if (!required || variadic || parseArg === collect) continue;
    let first: string | undefined;
    command.on(`option:${option.name()}`, (value: string) => {
      if (first === undefined) first = value;
      else if (perhapsSecret.has(long)) throw usage(`${long} takes one value and is given twice`);
      else throw usage(`${long} takes one value, and ${first} and ${value} are given`);
    });
  }
  for (const below of command.commands) refuseRepeats(below);
};

/** Commands that users of other tools expect, with the equivalent in `dsvault`. */
const otherWords: readonly (readonly [words: RegExp, instead: string])[] = [
  [/^(rm|remove)$/, 'dsvault delete deletes a secret'],
  [/^(purge|shred|erase)$/, 'dsvault destroy removes old values permanently'],
  [/^undelete$/, 'dsvault restore brings a deleted secret back'],
  [/^generate$/, 'dsvault create --generate generates a value'],
  [/^(set|put|add)$/, 'dsvault create stores a new secret, dsvault update its next version'],
  [/^(show|read|cat)$/, 'dsvault get prints a value'],
  [/^ls$/, 'dsvault list prints the names'],
  [/^versions$/, 'dsvault history lists the versions'],
];

const withAllBelow = (command: CommandUnknownOpts): readonly CommandUnknownOpts[] => [
  command,
  ...command.commands.flatMap(withAllBelow),
];

/**
 * Returns the unknown option that the user typed if a subcommand has it, so that it only stands too
 * far to the left; otherwise `undefined`.
 */
const misplacedOption = (error: CommanderError): string | undefined => {
  const typed = /^error: unknown option '(--?[a-z][a-z0-9-]*)/.exec(error.message)?.[1];
  const command = commandsOfErrors.get(error);
  const options = command === undefined ? [] : withAllBelow(command).flatMap((one) => one.options);
  return options.some(({ short, long }) => typed === short || typed === long) ? typed : undefined;
};

/** The sentence for too many arguments, with what the command takes. */
const tooMany = (command: CommandUnknownOpts | undefined): string => {
  const takes = `too many arguments: ${command?.name() ?? 'dsvault'} takes`;
  const names = command?.registeredArguments.map((one) => one.name().toUpperCase()) ?? [];
  if (names.length > 0) return `${takes} ${names.join(' ')}, and a value is never an argument`;
  const isList = command?.options.some(({ long }) => long === '--prefix') === true;
  return isList ? `${takes} none, and --prefix BEGINNING chooses names` : `${takes} none`;
};

/**
 * The failure for a wrong command line. The message repeats names of flags and commands, but never
 * arguments.
 */
export const misuse = (error: CommanderError): Failure => {
  const misplaced = misplacedOption(error);
  if (misplaced !== undefined) {
    return usage(`${misplaced} belongs after the command; --help shows how it is used`);
  }
  const argument = /^error: missing required argument '([a-z]+)'/.exec(error.message)?.[1];
  const flag = /'(?:-\w, )?(--[a-z][a-z0-9-]*)/.exec(error.message)?.[1];
  const sentences: Readonly<Record<string, string>> = {
    'commander.unknownOption': 'there is no such option',
    'commander.unknownCommand': 'there is no such command',
    'commander.excessArguments': tooMany(commandsOfErrors.get(error)),
    'commander.missingArgument': `${argument?.toUpperCase()} is missing`,
    'commander.optionMissingArgument': `${flag} needs an argument`,
    'commander.missingMandatoryOptionValue': `${flag} is needed`,
    'commander.conflictingOption': 'two options exclude each other',
    'commander.invalidArgument': `${flag ?? 'the argument'} does not take this`,
  };
  const word = /unknown command '(\w+)'/.exec(error.message)?.[1] ?? '';
  const instead = otherWords.find(([words]) => words.test(word))?.[1];
  // Commander suggests only known names, on a separate line at the end, so a suggestion cannot
  // repeat a value.
  const suggestion = /\n\(D(id you mean [a-z, -]+\?)\)$/.exec(error.message)?.[1];
  const known = sentences[error.code] ?? 'the command line is wrong';
  const hint = instead ? `: ${instead};` : suggestion ? `; d${suggestion}` : ';';
  return usage(`${known}${hint} --help shows how it is used`);
};
