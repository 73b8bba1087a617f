/**
 * Prints the results of `dsvault` to stdout, and its messages to stderr. A vault may be hostile, so
 * text from a reply reaches a terminal only through `shown` or `shownText`.
 */
import { isUtf8 } from 'node:buffer';
import { fstatSync, writeFileSync } from 'node:fs';
import { variable } from '../../system/environment.ts';
import { failure, systemCodeOf } from '../../system/failures.ts';
import { tableLines } from '../../system/table.ts';
import { shown, shownJson, shownText } from '../../system/terminal-text.ts';

// A write also reports its error to its callback. Without this listener, the error event would end
// the process.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);

/**
 * Prints data. The promise settles once the system has accepted the data. If the reader has gone,
 * the process ends as if by SIGPIPE. Any other write error is a failure, so that a full disk never
 * looks like success.
 */
const print = (data: string | Uint8Array): Promise<void> =>
  new Promise((resolve, reject) => {
    const settle = (error?: unknown): void => {
      if (systemCodeOf(error) === 'EPIPE') process.exit(141);
      if (error)
        reject(failure(`cannot write to stdout (${systemCodeOf(error)})`, { cause: error }));
      else resolve();
    };
    try {
      // A stream to a file would ignore a partial write, for example on a full disk.
      if (process.stdout.isTTY || !fstatSync(1).isFile()) process.stdout.write(data, settle);
      else settle(void writeFileSync(1, data));
    } catch (error) {
      settle(error);
    }
  });

/**
 * Prints the bytes of a value and nothing else. At a terminal a line feed follows, and a value with
 * control characters, which could control the terminal, is printed as base64.
 */
export const printValue = async (value: Uint8Array): Promise<void> => {
  if (!process.stdout.isTTY) return await print(value);
  const bytes = Buffer.from(value);
  const text = bytes.toString('utf8');
  if (isUtf8(bytes) && shownText(text) === text) return await print(`${text}\n`);
  note('not plain text, so shown as base64; pipe it or use --out for its bytes');
  await print(`${bytes.toString('base64')}\n`);
};

/** Prints the exact text of a file. At a terminal, characters that could control it are escaped. */
export const printText = async (text: string): Promise<void> => {
  if (!process.stdout.isTTY) return await print(text);
  const safe = shownText(text);
  await print(safe);
  if (safe === text) return;
  note(
    'control characters are shown as escapes such as \\u{1b}; pipe it or use --out for its bytes',
  );
};

/** Prints sentences or names, one per line. */
export const printLines = (lines: readonly string[]): Promise<void> =>
  print(lines.map((line) => `${shown(line)}\n`).join(''));

/**
 * Whether to print JSON for programs. Looks for the flag itself, because a wrong command line is
 * not parsed. Arguments after `--` belong to another program.
 */
export const wantsJson = (): boolean => {
  const end = process.argv.indexOf('--');
  return process.argv.slice(2, end < 0 ? undefined : end).includes('--json');
};

/** Prints a sentence to stderr, after the name of the program. */
export const note = (sentence: string): void => noteLine(`dsvault: ${sentence}`);

/**
 * Prints a line to stderr for editors and other programs. The line may quote a server or a file
 * name, so its control characters are escaped.
 */
export const noteLine = (line: string): void => {
  eraseLine();
  process.stderr.write(`${shown(line)}\n`);
};

let isDrawn = false;

/**
 * Draws a line on the terminal of stderr, replacing the previous one. The next message on stderr
 * erases it.
 */
export const drawLine = (line: string): void => {
  process.stderr.write(`\r${line}\u001b[K`);
  isDrawn = true;
};

export const eraseLine = (): void => {
  if (isDrawn) process.stderr.write('\r\u001b[K');
  isDrawn = false;
};

/** A document as JSON, in which all characters that could control a terminal are escaped. */
export const jsonOf = (document: unknown): string => `${shownJson(document)}\n`;

/** Prints a result to stdout as a document. */
export const printJson = (document: unknown): Promise<void> => print(jsonOf(document));

/** Whether the stream is a terminal that understands escape sequences. */
export const isDrawing = ({ isTTY }: NodeJS.WriteStream): boolean =>
  isTTY && variable('TERM') !== 'dumb';

const emphasised = (text: string): string =>
  isDrawing(process.stdout) && variable('NO_COLOR') === undefined
    ? `\u001b[1m${text}\u001b[22m`
    : text;

/** Prints a table, with its head emphasised at a terminal. */
export const printTable = (...table: Parameters<typeof tableLines>): Promise<void> => {
  const [head = '', ...rows] = tableLines(...table);
  return print(`${[emphasised(head), ...rows].join('\n')}\n`);
};
