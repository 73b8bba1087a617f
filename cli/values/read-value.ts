/** Reads the value of a secret, without changing any byte, and texts for other requests. */
import { isUtf8 } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import type { Command, OptionValues } from '@commander-js/extra-typings';
import { failure, systemCodeOf, usage } from '../../system/failures.ts';
import { note } from '../output/output.ts';
import { alphabetNames, generateText } from './generate.ts';

/** Adds the options that `readValue` reads to a command. */
export const withValue = <Args extends unknown[], Options extends OptionValues>(
  command: Command<Args, Options>,
) =>
  command
    .option('--value-file <file>', 'the value is the content of the file')
    .option('--prompt', 'ask for the value at the terminal, and fail if there is none')
    .option('--value <value>', 'the value itself, seen by everyone who can list processes')
    .option('--generate <length>', 'generate the value: this many random characters')
    .option('--alphabet <set>', `of these: ${alphabetNames}, or the characters themselves (alnum)`)
    .option('--show-value', 'print the value that --generate has generated')
    .option('--base64', 'the value is given as base64')
    .option('--allow-empty', 'store an empty value, too');
type ValueFlags = ReturnType<ReturnType<typeof withValue<[], Record<never, never>>>['opts']>;

/** What stdin was used for so far. A second use would silently read an empty value. */
let stdinUse: string | undefined;

/** Reads all of stdin. `what` names the purpose; stdin may be used for only one. */
export const readStdin = async (what: string): Promise<Buffer> => {
  if (stdinUse !== undefined) throw usage(`stdin cannot be both ${stdinUse} and ${what}`);
  stdinUse = what;
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of process.stdin) chunks.push(chunk);
  } catch (error) {
    throw failure(`cannot read stdin (${systemCodeOf(error)})`, { cause: error });
  }
  return Buffer.concat(chunks);
};

/** What to do about a file that does not exist, in most commands. */
const otherInput = 'check its path, or give - for stdin';

/**
 * Reads a file; `-` is stdin. `what` names the purpose, and `otherwise` says what to do if there is
 * no file.
 */
const readInput = async (file: string, what: string, otherwise = otherInput): Promise<Buffer> => {
  if (file === '-') return await readStdin(what);
  try {
    return readFileSync(file);
  } catch (error) {
    const code = systemCodeOf(error);
    const sentence =
      code === 'ENOENT'
        ? `there is no file ${file}: ${otherwise}`
        : `cannot read ${file} (${code})`;
    throw failure(sentence, { cause: error });
  }
};

/**
 * Asks for one line at the terminal, without an echo. Several lines, perhaps pasted, are an error.
 */
export const askHidden = async (question: string): Promise<string> => {
  if (!process.stdin.isTTY) throw usage('--prompt needs a terminal as stdin');
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const terminal = createInterface({ input: process.stdin, output: nowhere, terminal: true });
  // The question is printed after the echo is off, so that even fast typing is not echoed.
  process.stderr.write(question);
  try {
    return await new Promise((resolve, reject) => {
      terminal.once('line', (line) => {
        let more = false;
        terminal.once('line', () => (more = true));
        // Pasted text arrives at once. By the next turn of the event loop, `terminal` has reported
        // its second line, or holds the beginning of that line.
        setImmediate(() => (more || terminal.line !== '' ? reject(severalLines()) : resolve(line)));
      });
      terminal.once('SIGINT', () => reject(failure('interrupted', { kind: 'interrupted' })));
      // Waits for one turn of the event loop, so that a line that arrived together with the end of
      // the input comes first.
      terminal.once('close', () => setImmediate(() => reject(usage('no value was typed'))));
    });
  } finally {
    terminal.close();
    process.stderr.write('\n');
  }
};

const severalLines = () =>
  usage('one line is asked for and several were typed: give the value on stdin or as a file');

/** Asks twice, because users cannot see what they type. `name` tells several values apart. */
export const askTwice = async (name?: string): Promise<string> => {
  const value = name === undefined ? 'value' : `value of ${name}`;
  const typed = await askHidden(`${value}: `);
  if ((await askHidden(`the same ${value} again: `)) === typed) return typed;
  throw usage('the two values differ, so nothing was stored');
};

export const readValue = async (flags: ValueFlags): Promise<Uint8Array> => {
  const { value, valueFile, prompt, generate, alphabet, showValue, base64, allowEmpty } = flags;
  const sources = [value, valueFile, prompt, generate].filter((source) => source !== undefined);
  if (sources.length > 1) throw usage('give one of --value, --value-file, --prompt and --generate');
  if (generate === undefined && (alphabet !== undefined || showValue)) {
    throw usage('--alphabet and --show-value belong to --generate');
  }
  if (generate !== undefined && base64) throw usage('give --generate or --base64');
  const typed = await readSource(flags);
  const bytes = base64 ? decodeBase64(typed.toString('latin1')) : typed;
  if (bytes.length > 0 || allowEmpty) return bytes;
  throw usage('the value is empty: did the command that makes it fail? --allow-empty stores it');
};

/** The text that `readValue` has generated, if the user wants to see it. */
export const madeValue = (value: Uint8Array, { showValue }: ValueFlags): string | undefined =>
  showValue ? Buffer.from(value).toString('utf8') : undefined;

const readSource = async (flags: ValueFlags): Promise<Buffer> => {
  const { value, valueFile, prompt, generate, alphabet, base64 } = flags;
  if (generate !== undefined) return Buffer.from(generateText(generate, alphabet));
  if (value !== undefined) {
    note('warning: --value shows the value to everyone who can list processes; use stdin');
    return Buffer.from(exactText(value, 'the value of --value'));
  }
  if (valueFile !== undefined) return await readInput(valueFile, 'the value');
  if (prompt || process.stdin.isTTY) return Buffer.from(await askTwice());
  const piped = await readStdin('the value');
  if (!base64 && piped.indexOf(0x0a) === piped.length - 1 && piped.length > 0) {
    note('the value ends with a line feed, which is stored too (printf %s leaves it out)');
  }
  return piped;
};

/**
 * Checks a value from the environment or the command line, where Node replaces bytes that are not
 * UTF-8 by U+FFFD.
 */
export const exactText = (text: string, what: string): string => {
  if (!text.includes('\ufffd')) return text;
  throw usage(
    `${what} is not UTF-8, or holds U+FFFD, which looks the same here: use stdin or a file`,
  );
};

/**
 * Decodes canonical base64, as the vault requires. A trailing line feed, which tools add, is
 * ignored.
 */
const decodeBase64 = (typed: string): Uint8Array => {
  const text = typed.replace(/\r?\n$/, '');
  const bytes = Buffer.from(text, 'base64');
  if (bytes.toString('base64') === text) return bytes;
  throw usage('the value is not valid base64 (RFC 4648, with padding, in one line)');
};

/** Converts a value into the format of a request. */
export const encodeValue = (value: Uint8Array) =>
  ({ value: Buffer.from(value).toString('base64'), encoding: 'base64' }) as const;

/** The bytes of a value in a reply. */
export const decodeValue = (given: { readonly value: string; readonly encoding: string }): Buffer =>
  Buffer.from(given.value, given.encoding === 'base64' ? 'base64' : 'utf8');

/**
 * Reads a text file, and keeps a byte order mark; `-` is stdin. Throws if the file is not UTF-8.
 * `what` names the file in messages, and `otherwise` says what to do if there is no file.
 */
export const readText = async (
  file: string,
  what = `the file ${file}`,
  otherwise?: string,
): Promise<string> => {
  const bytes = await readInput(file, what, otherwise);
  if (isUtf8(bytes)) return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
  throw failure(`${what} is not UTF-8`, { kind: 'invalidFile' });
};
