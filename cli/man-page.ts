/**
 * The man page of `dsvault`, generated from its tree of commands. `npm run pack` puts it into the
 * package.
 */
import type { CommandUnknownOpts, Option } from '@commander-js/extra-typings';
import { examplesOf } from './commands/command-line.ts';
import { exitCodeMeanings } from './program.ts';

/**
 * The environment variables that the page explains. A test fails if one that `dsvault` reads is
 * missing.
 */
const variables: Readonly<Record<string, string>> = {
  DSVAULT_ADDR: 'where the vault is (http://127.0.0.1:3000)',
  DSVAULT_TOKEN: 'the token',
  DSVAULT_TOKEN_FILE: 'a file with the token',
  DSVAULT_TOKEN_COMMAND: 'a command that prints the token: words, no shell',
  DSVAULT_PROFILE: 'the profile (default)',
  DSVAULT_TIMEOUT: 'the time limit of one attempt, in seconds (15)',
  DSVAULT_RETRIES: 'the number of retries (3)',
  DSVAULT_CHECKOUT: 'the folder of the checkout whose programs login --local, log and console use',
  DSVAULT_VERSIONS: 'what run sets for its program: the versions of its secrets, as A@3,B@1',
  NO_COLOR: 'if set, nothing is bold',
  PATH: 'where run and the token command look for programs',
  TERM: 'if dumb, nothing is bold, and no line says that the vault takes long',
  VAULT_DATA_DIR: 'where login --local looks for the data of a vault in a checkout',
  XDG_CONFIG_HOME: 'the folder for configuration, with the profiles (~/.config)',
  XDG_CACHE_HOME: 'the folder for caches, with kept tokens and compiled code (~/.cache)',
};

const files: Readonly<Record<string, string>> = {
  '~/.config/dsvault/NAME.json': 'a profile, for its owner only: address, token, settings',
  '~/.cache/dsvault/tokens': 'the tokens of token commands, until they expire',
  '~/.cache/dsvault/code': 'the program as Node has compiled it',
};

const statusOfRun =
  'Once its program runs, dsvault run exits with the status of the program, or with 128 and the number of the signal ' +
  'that ended it. A closed stdout is 141.';

/**
 * Escapes the characters of roff. A hyphen stays an ASCII character, so that options can be copied.
 */
const plain = (text: string): string =>
  text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll(/^(?=[.'])/gm, '\\&');

/**
 * A paragraph in lines of up to 60 characters. Escapes make them longer, and mandoc warns about
 * lines of more than 80.
 */
const filled = (text: string): string =>
  plain(text.replaceAll(/(.{1,60})(?:\s+|$)/g, '$1\n')).trimEnd();

const bold = (text: string): string => `\\fB${plain(text)}\\fR`;
const tagged = (term: string, text: string): string => `.TP\n${bold(term)}\n${filled(text)}`;
const taggedAll = (entries: Readonly<Record<string, string>>): string[] =>
  Object.entries(entries).map(([term, text]) => tagged(term, text));
const shownExamples = (command: CommandUnknownOpts): string =>
  `.RS 4\n.EX\n${plain(examplesOf(command))}\n.EE\n.RE`;

/** All subcommands, except those that only group others. */
const leavesOf = (command: CommandUnknownOpts): readonly CommandUnknownOpts[] =>
  command.commands.length === 0 ? [command] : command.commands.flatMap(leavesOf);

/** Two options are the same if they have the same flags and the same description. */
const keyOf = ({ flags, description }: Option): string => `${flags} ${description}`;

const optionsOf = (command: CommandUnknownOpts): readonly Option[] => [
  ...command.createHelp().visibleOptions(command),
];

/** The options that more than half of the commands have. The page explains them once. */
const commonOptions = (commands: readonly CommandUnknownOpts[]): readonly Option[] => {
  const all = commands.flatMap(optionsOf);
  const counts = Map.groupBy(all, keyOf);
  return [...counts.values()].flatMap(([option, ...more]) =>
    option && 1 + more.length > commands.length / 2 ? [option] : [],
  );
};

const commandText = (command: CommandUnknownOpts, common: ReadonlySet<string>): string => {
  const help = command.createHelp();
  const options = optionsOf(command);
  const shared = options.filter((option) => common.has(keyOf(option))).map(({ long }) => long);
  return [
    `.SS "${plain(help.commandUsage(command)).replaceAll('"', '\\(dq')}"`,
    filled(command.description()),
    ...help
      .visibleArguments(command)
      .map((argument) => tagged(help.argumentTerm(argument), help.argumentDescription(argument))),
    ...options
      .filter((option) => !common.has(keyOf(option)))
      .map((option) => tagged(help.optionTerm(option), help.optionDescription(option))),
    `.PP\n${filled(`Also: ${shared.join(', ')}`)}`,
    shownExamples(command),
  ].join('\n');
};

/** The edition of the page: the version of the program, and the day as YYYY-MM-DD. */
export type Edition = { readonly version: string; readonly day: string };

/** The man page in roff (man(7)), for a program with all its commands. */
export const manPageOf = (program: CommandUnknownOpts, { version, day }: Edition): string => {
  const commands = leavesOf(program);
  const options = commonOptions(commands);
  const common = new Set(options.map(keyOf));
  const help = program.createHelp();
  return [
    `.TH DSVAULT 1 "${day}" "dsvault ${version}"`,
    `.SH NAME\ndsvault \\- ${plain(program.description())}`,
    `.SH SYNOPSIS\n${bold('dsvault')} \\fIcommand\\fR [\\fIoptions\\fR] [\\fIarguments\\fR]`,
    `.SH DESCRIPTION\n${filled('dsvault keeps and reads the secrets of a vault over HTTP. It also runs programs with files whose values are secrets. dsvault help COMMAND shows one command.')}`,
    `.SH EXAMPLES\n${shownExamples(program)}`,
    '.SH COMMANDS',
    ...commands.map((command) => commandText(command, common)),
    '.SH OPTIONS\nMost commands take these options.',
    ...options.map((option) => tagged(help.optionTerm(option), help.optionDescription(option))),
    '.SH EXIT STATUS',
    ...taggedAll({ ...exitCodeMeanings }),
    `.PP\n${filled(statusOfRun)}`,
    '.SH ENVIRONMENT\nOptions win over variables, and variables over the profile.',
    ...taggedAll(variables),
    '.SH FILES',
    ...taggedAll(files),
    '',
  ].join('\n');
};
