/** All that `dsv` prints. Results go to stdout, what is said about them to stderr. */
import { fstatSync, writeFileSync } from 'node:fs';
import Table from 'cli-table3';
import { variable } from './environment.ts';
import { failure, systemCodeOf } from './failures.ts';

// What a write failed with is given to it, too; without a listener it would also end the process.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);

/**
 * Settles once the system has taken it. A reader that went away ends the process as SIGPIPE would; what could not be
 * written is a failure, so that a full disk never looks like success.
 */
export const print = (data: string | Uint8Array): Promise<void> =>
  new Promise((resolve, reject) => {
    const settle = (error?: unknown): void => {
      if (systemCodeOf(error) === 'EPIPE') process.exit(141);
      if (error) reject(failure('other', `cannot write to stdout (${systemCodeOf(error)})`, error));
      else resolve();
    };
    try {
      // To a file Node writes once, and lets go what did not fit on the disk.
      if (!fstatSync(1).isFile()) process.stdout.write(data, settle);
      else settle(void writeFileSync(1, data));
    } catch (error) {
      settle(error);
    }
  });

/**
 * Whether stdout and stderr hold documents for a program. It is asked before the command line is understood, too, so
 * it looks for the flag itself; behind `--` stands the command of another program.
 */
export const wantsJson = (): boolean => {
  const end = process.argv.indexOf('--');
  return process.argv.slice(2, end < 0 ? undefined : end).includes('--json');
};

/** One sentence on stderr, the program's name before it. */
export const note = (sentence: string): void => noteLine(`dsv: ${sentence}`);

/** One line on stderr, for what editors and other programs parse. It may quote a server, or a file's name. */
export const noteLine = (line: string): void => void process.stderr.write(`${shown(line)}\n`);

/** One document, in which a terminal finds nothing to obey either: JSON has escapes for it. */
const jsonOf = (document: unknown): string => {
  const text = JSON.stringify(document, undefined, 2);
  const safe = text.replaceAll(/[^\P{Cc}\n]|[\p{Cf}\p{Zl}\p{Zp}]/gu, (character) =>
    character
      .split('')
      .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
      .join(''),
  );
  return `${safe}\n`;
};

/** For programs, of what went wrong. */
export const noteJson = (document: unknown): void => void process.stderr.write(jsonOf(document));

/** For programs, of what was asked for. */
export const printJson = (document: unknown): Promise<void> => print(jsonOf(document));

const emphasised = (text: string): string =>
  process.stdout.isTTY && variable('NO_COLOR') === undefined ? `\u001b[1m${text}\u001b[22m` : text;

const blank = { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' };
const lines = { top: '', 'top-mid': '', 'top-left': '', 'top-right': '', bottom: '' };
const corners = { 'bottom-mid': '', 'bottom-left': '', 'bottom-right': '', left: '', right: '' };

/** Columns as wide as what stands in them: nothing is ever cut off. */
export const printTable = (head: readonly string[], rows: readonly (readonly string[])[]) => {
  const table = new Table({
    head: head.map(emphasised),
    chars: { ...blank, ...lines, ...corners, middle: '  ' },
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
  });
  table.push(...rows.map((row) => row.map(shown)));
  return print(`${table.toString().replaceAll(/ +$/gm, '')}\n`);
};

/** Text of others on a terminal: what would move the cursor, or turn the writing around, is shown as an escape. */
export const shown = (text: string): string =>
  text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) => {
    const hex = character.codePointAt(0)?.toString(16) ?? '';
    return `\\u{${hex}}`;
  });
