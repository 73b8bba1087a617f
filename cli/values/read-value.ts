/** Reads the value of a secret, whose bytes are never changed, and texts for other requests. */
import { isUtf8 } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import type { Command, OptionValues } from '@commander-js/extra-typings';
import { failure, systemCodeOf, usage } from '../../system/failures.ts';
import { note } from '../output/output.ts';
import { alphabetNames, generateText } from './generate.ts';

/** A command with the options that `readValue` reads. */
export const withValue = <Args extends unknown[], Options extends OptionValues>(
  command: Command<Args, Options>,
) =>
  command
    .option('--value-file <file>', 'the value is the content of the file')
    .option('--prompt', 'ask for the value at the terminal, without an echo')
    .option('--value <value>', 'the value itself, seen by everyone who can list processes')
    .option('--generate <length>', 'make the value: so many random characters')
    .option('--alphabet <set>', `of these: ${alphabetNames}, or the characters themselves (alnum)`)
    .option('--show-value', 'print the value that --generate made')
    .option('--base64', 'the value is given as base64')
    .option('--allow-empty', 'store an empty value, too');
type ValueFlags = ReturnType<ReturnType<typeof withValue<[], Record<never, never>>>['opts']>;

/** The use of stdin so far. A second use would silently read an empty value. */
let stdinUse: string | undefined;

/** Reads all of stdin. `what` names the use, and only one use is allowed. */
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

/** Reads a file; `-` is stdin. `what` names its use. */
const readInput = async (file: string, what: string): Promise<Buffer> => {
  if (file === '-') return await readStdin(what);
  try {
    return readFileSync(file);
  } catch (error) {
    throw failure(`cannot read ${file} (${systemCodeOf(error)})`, { cause: error });
  }
};

/** Asks for one line at the terminal, without an echo. Several lines, perhaps pasted, are an error. */
export const askHidden = async (question: string): Promise<string> => {
  if (!process.stdin.isTTY) throw usage('--prompt needs a terminal; without it stdin is read');
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const terminal = createInterface({ input: process.stdin, output: nowhere, terminal: true });
  // The question comes after the echo is off, so that even fast typing is not echoed.
  process.stderr.write(question);
  try {
    return await new Promise((resolve, reject) => {
      terminal.once('line', (line) => {
        let more = false;
        terminal.once('line', () => (more = true));
        // Pasted text arrives at once. By the next turn it is further lines, or the beginning of a line.
        setImmediate(() => (more || terminal.line !== '' ? reject(severalLines()) : resolve(line)));
      });
      terminal.once('SIGINT', () => reject(failure('interrupted', { kind: 'interrupted' })));
      // The delay lets a line come first that arrived together with the end.
      terminal.once('close', () => setImmediate(() => reject(usage('no value was typed'))));
    });
  } finally {
    terminal.close();
    process.stderr.write('\n');
  }
};

const severalLines = () =>
  usage('one line is asked for and several were typed: give the value on stdin or as a file');

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
  if (prompt) return Buffer.from(await askHidden('value: '));
  if (process.stdin.isTTY) throw usage('stdin is a terminal: use --prompt, or pipe the value in');
  const piped = await readStdin('the value');
  if (!base64 && piped.indexOf(0x0a) === piped.length - 1 && piped.length > 0) {
    note('the value ends with a line feed, which is stored too (printf %s leaves it out)');
  }
  return piped;
};

/** Checks a value from the environment or the command line, where Node puts U+FFFD for bytes not of UTF-8. */
export const exactText = (text: string, what: string): string => {
  if (!text.includes('\ufffd')) return text;
  throw usage(
    `${what} is not UTF-8, or holds U+FFFD, which looks the same here: use stdin or a file`,
  );
};

/** Decodes canonical base64, as the vault requires. A trailing line feed, which tools add, is ignored. */
const decodeBase64 = (typed: string): Uint8Array => {
  const text = typed.replace(/\r?\n$/, '');
  const bytes = Buffer.from(text, 'base64');
  if (bytes.toString('base64') === text) return bytes;
  throw usage('the value is no base64 (RFC 4648, with padding, in one line)');
};

/** A value in the form of a request. */
export const encodeValue = (value: Uint8Array) =>
  ({ value: Buffer.from(value).toString('base64'), encoding: 'base64' }) as const;

/** The bytes of a value in a reply. */
export const decodeValue = (given: { readonly value: string; readonly encoding: string }): Buffer =>
  Buffer.from(given.value, given.encoding === 'base64' ? 'base64' : 'utf8');

/** Reads text for a request with a `.env` file. Throws if it is not UTF-8; `what` names the file then. */
export const readText = async (file: string, what = `the file ${file}`): Promise<string> => {
  const bytes = await readInput(file, what);
  if (isUtf8(bytes)) return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
  throw failure(`${what} is not UTF-8`, { kind: 'invalidFile' });
};
