/** Where the value of a secret comes from. It is bytes, and none of them is changed. */
import { isUtf8 } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { failure, systemCodeOf, usage } from './failures.ts';
import { note } from './output.ts';

export type ValueFlags = {
  readonly value?: string | undefined;
  readonly valueFile?: string | undefined;
  readonly prompt?: true | undefined;
  readonly base64?: true | undefined;
  readonly allowEmpty?: true | undefined;
};

/** What stdin was read for. It holds nothing for another: that would be an empty value, in silence. */
let stdinUse: string | undefined;

/** The whole of stdin, for one use only, which `what` tells. */
export const readStdin = async (what: string): Promise<Buffer> => {
  if (stdinUse !== undefined) throw usage(`stdin cannot be both ${stdinUse} and ${what}`);
  stdinUse = what;
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of process.stdin) chunks.push(chunk);
  } catch (error) {
    throw failure('other', `cannot read stdin (${systemCodeOf(error)})`, error);
  }
  return Buffer.concat(chunks);
};

/** A file as the user named it; `-` is stdin. */
const readInput = async (file: string, what: string): Promise<Buffer> => {
  if (file === '-') return await readStdin(what);
  try {
    return readFileSync(file);
  } catch (error) {
    throw failure('other', `cannot read ${file} (${systemCodeOf(error)})`, error);
  }
};

/** Asks at the terminal, without an echo, for one line. More than one, as is pasted, is refused, not cut off. */
export const askHidden = async (question: string): Promise<string> => {
  if (!process.stdin.isTTY) throw usage('--prompt needs a terminal; without it stdin is read');
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const terminal = createInterface({ input: process.stdin, output: nowhere, terminal: true });
  // Only now: what is typed at once must not be echoed either.
  process.stderr.write(question);
  try {
    return await new Promise((resolve, reject) => {
      terminal.once('line', (line) => {
        let more = false;
        terminal.once('line', () => (more = true));
        // What was pasted arrives at once: by then as further lines, or as the beginning of one.
        setImmediate(() => (more || terminal.line !== '' ? reject(severalLines()) : resolve(line)));
      });
      terminal.once('SIGINT', () => reject(failure('interrupted', 'interrupted')));
      // Not before a line that came with it.
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
  const { value, valueFile, prompt, base64, allowEmpty } = flags;
  const sources = [value, valueFile, prompt].filter((source) => source !== undefined);
  if (sources.length > 1) throw usage('give one of --value, --value-file and --prompt');
  const typed = await readSource(flags);
  const bytes = base64 ? decodeBase64(typed.toString('latin1')) : typed;
  if (bytes.length > 0 || allowEmpty) return bytes;
  throw usage('the value is empty: did the command that makes it fail? --allow-empty stores it');
};

const readSource = async ({ value, valueFile, prompt, base64 }: ValueFlags): Promise<Buffer> => {
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

/**
 * A value out of the environment or the command line. Node puts U+FFFD for bytes there that are no UTF-8, so where it
 * stands nobody can tell what was given.
 */
export const exactText = (text: string, what: string): string => {
  if (!text.includes('\ufffd')) return text;
  throw usage(
    `${what} is not UTF-8, or holds U+FFFD, which looks the same here: use stdin or a file`,
  );
};

/** Canonical, as the vault itself demands; the line feed that tools put behind it is left out. */
const decodeBase64 = (typed: string): Uint8Array => {
  const text = typed.replace(/\r?\n$/, '');
  const bytes = Buffer.from(text, 'base64');
  if (bytes.toString('base64') === text) return bytes;
  throw usage('the value is no base64 (RFC 4648, with padding, in one line)');
};

/** A value as the vault takes it. */
export const encodeValue = (value: Uint8Array) =>
  ({ value: Buffer.from(value).toString('base64'), encoding: 'base64' }) as const;

/** A value as the vault gives it. */
export const decodeValue = (given: { readonly value: string; readonly encoding: string }): Buffer =>
  Buffer.from(given.value, given.encoding === 'base64' ? 'base64' : 'utf8');

/** Text for requests of `.env` files, which hold no other bytes: `what` the file is, for who named it. */
export const readText = async (file: string, what: string): Promise<string> => {
  const bytes = await readInput(file, what);
  if (isUtf8(bytes)) return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
  throw failure('invalidFile', `${what} is not UTF-8`);
};
