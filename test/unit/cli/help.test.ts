import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CommanderError, type CommandUnknownOpts } from '@commander-js/extra-typings';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { misuse } from '../../../cli/commands/command-line.ts';
import { manPageOf } from '../../../cli/man-page.ts';
import { exitCodeMeanings, programFor } from '../../../cli/program.ts';

let program: CommandUnknownOpts;
beforeAll(async () => {
  program = await programFor();
});

const withThoseBelow = (command: CommandUnknownOpts): CommandUnknownOpts[] => [
  command,
  ...command.commands.flatMap(withThoseBelow),
];
const pathOf = (command: CommandUnknownOpts): string =>
  command.parent ? `${pathOf(command.parent)} ${command.name()}` : command.name();

/** Returns the help of a command as a terminal with 80 columns shows it. */
const helpOf = (command: CommandUnknownOpts): string => {
  const help: string[] = [];
  const writeOut = (text: string) => void help.push(text);
  command.configureOutput({ writeOut, getOutHelpWidth: () => 80 }).outputHelp();
  return help.join('');
};

describe('the help of dsvault', () => {
  it('begins with an example and fits into 80 columns, for every command', () => {
    const faults = withThoseBelow(program).flatMap((command) => {
      const [title, example = '', ...rest] = helpOf(command).split('\n');
      const wide = [example, ...rest].filter((line) => line.length > 80);
      const isFirst = title === 'Examples:' && `${example} `.includes(`${pathOf(command)} `);
      return [...wide, ...(isFirst ? [] : [`no example of ${pathOf(command)}`])];
    });
    expect(faults).toEqual([]);
  });

  it("shows the commands in groups, and a command's own options before those that most commands have", () => {
    const titles = (command: CommandUnknownOpts | undefined) =>
      command && [...helpOf(command).matchAll(/^(\w.*):$/gm)].map(([, title]) => title);
    const groups = ['Secrets', 'Files and programs', 'Access', 'State and log', 'This machine'];
    expect(titles(program)).toEqual(['Examples', 'Options', ...groups, 'Exit codes']);
    const get = program.commands.find((command) => command.name() === 'get');
    expect(titles(get)).toEqual(['Examples', 'Options', 'Options of most commands']);
    expect(helpOf(program)).toMatch(/\nPages: docs\/cli\.md of the checkout;.*\n$/);
  });

  it('lists the exit codes in the words of docs/cli.md', () => {
    const rowsOf = (text: string) =>
      [...text.matchAll(/^ *(\d+) {2,}(.+)$/gm)].map(([, code, meaning]) => [code, meaning]);
    const meanings = Object.entries(exitCodeMeanings);
    expect(rowsOf(readFileSync('docs/cli.md', 'utf8'))).toEqual(meanings);
    expect(rowsOf(helpOf(program))).toEqual(meanings);
  });
});

describe('a wrong command line', () => {
  const detailOf = async (words: readonly string[]): Promise<string> => {
    try {
      await (await programFor(words[0])).parseAsync([...words], { from: 'user' });
    } catch (error) {
      if (error instanceof CommanderError) return misuse(error).report.detail;
    }
    return 'no misuse';
  };
  const command = 'there is no such command';
  const option = 'there is no such option';

  it.each([
    [['craete'], `${command}; did you mean create?`],
    [['rese'], `${command}; did you mean one of create, restore?`],
    [['env', 'encrpt'], `${command}; did you mean encrypt?`],
    [['list', '--pefix', 'c4n4ry'], `${option}; did you mean --prefix?`],
    // `set` is a word that other programs use, so it gets an answer of its own, although `get` is
    // similar.
    [['set'], `${command}: dsvault create stores a new secret, dsvault update its next version;`],
    [['c4n4ry'], `${command};`],
    [['list', '--c4n4ry'], `${option};`],
    [['list', '--c4n4ry\n(Did you mean hunter?)'], `${option};`],
    [['--curl', 'get', 'c4n4ry'], '--curl belongs after the command;'],
    [['-f', 'c4n4ry', 'run'], '-f belongs after the command;'],
    [['env', '--dialect=c4n4ry', 'expand'], '--dialect belongs after the command;'],
    [['--curl-c4n4ry', 'get'], `${option};`],
    // `--note` is an option of other commands, but not of this one.
    [['env', 'lint', '--note', 'c4n4ry'], `${option};`],
    // Commander repeats the arguments in its own message.
    [
      ['get', 'A', 'c4n4ry'],
      'too many arguments: get takes NAME, and a value is never an argument;',
    ],
    [['get'], 'NAME is missing;'],
    [['diff', 'A'], 'NEW is missing;'],
    [['env', 'encrypt'], 'FILE is missing;'],
    [['log', 'who'], 'SUBJECT is missing;'],
    [['run'], 'COMMAND is missing;'],
  ])('causes an error that repeats a word only if dsvault knows it: %j', async (typed, detail) => {
    expect(await detailOf(typed)).toBe(`${detail} --help shows how it is used`);
  });
});

describe('the man page of dsvault', () => {
  const edition = { version: '1.2.3', day: '2026-11-28' };
  /** Removes the roff markup from the page. */
  const read = (page: string): string =>
    page.replaceAll(/^\.(TP|PP|EX|EE|RE|RS.*)\n/gm, '').replaceAll(/\\f.|\\&|\\(?=-)/g, '');

  it('contains every command, option, example, exit code and environment variable', () => {
    const page = read(manPageOf(program, edition));
    const leaves = withThoseBelow(program).filter(({ commands }) => commands.length === 0);
    const sources = readdirSync('cli', { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts') && file !== 'man-page.ts')
      .map((file) => readFileSync(join('cli', file), 'utf8'));
    const variables = sources.join().matchAll(/\b(?:variable|ownFolder)\('(\w+)'/g);
    const wanted = [
      ...leaves.map((command) => `\n.SS "${pathOf(command)} `),
      ...leaves.flatMap((command) => command.options.map(({ flags }) => `\n${flags}\n`)),
      ...leaves.flatMap((command) => helpOf(command).match(/(?<=^Examples:\n {2}).*/) ?? ['?']),
      ...Object.keys(exitCodeMeanings).map((code) => `\n${code}\n`),
      ...[...variables].map(([, name]) => `\n${name}\n`),
    ];
    expect(wanted.filter((part) => !page.includes(part.replaceAll('\\', '\\e')))).toEqual([]);
    expect(wanted.length).toBeGreaterThan(100);
  });

  it('escapes what roff would take for a command', () => {
    const odd = program.createCommand('odd').description(".so /etc/passwd\n'br \\n(.x a-b");
    const page = manPageOf(odd, edition);
    expect(page).toContain("\n\\&.so /etc/passwd\n\\&'br \\en(.x a\\-b\n");
  });
});
