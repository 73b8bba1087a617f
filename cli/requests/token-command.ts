/**
 * The token command: a program that prints a token, such as `kubectl create token`. Its token is
 * stored in a private file until shortly before it expires. The command comes from the user's
 * environment or profile, and nothing about it depends on the folder in which `dsvault` runs.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { closeSync, constants, fstatSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { cacheFolder, environment } from '../../system/environment.ts';
import { failure, systemCodeOf, usage } from '../../system/failures.ts';
import { isOpenToOthers, replaceFile } from '../output/private-files.ts';
import { expiresAtMs, isJwt, type Token } from './token.ts';

const commandLimitMs = 30_000;
/** The maximum size of a token. The vault refuses larger ones. */
const tokenMaxBytes = 8_192;
/**
 * A token is written to its file, or taken from there, only if it is valid for longer than this: it
 * may expire on its way to the vault, or the vault's clock may be ahead.
 */
const reserveMs = 30_000;

const plain = /[\w@%+=:,./-]|[^\0-\x7f]/u.source;
const quoted = /'[^']*'|"[^"$`\\!]*"/.source;

/**
 * Splits a command at blanks outside of quotes. Throws for characters that mean something else to
 * a shell, such as `$` or `|`. The first word is always the program, even `NAME=value`.
 */
export const wordsOf = (text: string, source: string): readonly string[] => {
  const word = new RegExp(`((?:${plain}|${quoted})+)(?:[ \\t]+|$)`, 'uy');
  const trimmed = text.trim();
  const words: string[] = [];
  while (word.lastIndex < trimmed.length) {
    const [, found] = word.exec(trimmed) ?? [];
    if (found === undefined) {
      throw usage(`${source} is run without a shell: put special characters in single quotes`);
    }
    words.push(found.replaceAll(/'([^']*)'|"([^"]*)"/g, '$1$2'));
  }
  return words;
};

/**
 * The token that a command prints for the vault at this address. The command runs when the token is
 * first needed.
 */
export const tokenOfCommand = (
  words: readonly string[],
  source: string,
  addr: string,
  now: () => number = Date.now,
) => {
  const digest = createHash('sha256')
    .update(JSON.stringify([words, addr]))
    .digest('hex');
  const folder = join(cacheFolder(), 'tokens');
  const file = join(folder, digest);
  const isFresh = (token: string): boolean => (expiresAtMs(token) ?? 0) - reserveMs > now();
  const hasEnded = (token: string): boolean =>
    (expiresAtMs(token) ?? Number.POSITIVE_INFINITY) <= now();
  const make = (): string => {
    const token = runTokenCommand(words, source);
    if (isFresh(token)) keep(folder, file, token);
    return token;
  };
  let token: string | undefined;
  let isKept = false;
  return {
    source,
    read: () => {
      // The console lives longer than its first token, so a token that has expired is replaced.
      if (token !== undefined && !hasEnded(token)) return token;
      const kept = findKept(file);
      isKept = kept !== undefined && isFresh(kept);
      token = kept !== undefined && isKept ? kept : make();
      return token;
    },
    readKept: () => {
      const kept = findKept(file);
      return kept !== undefined && isFresh(kept) ? kept : undefined;
    },
    renew: () => {
      if (!isKept) return false;
      isKept = false;
      token = make();
      return true;
    },
  } satisfies Token;
};

/**
 * Stores a token. If this fails, for example without a home, the next `dsvault` runs the command
 * again.
 */
const keep = (folder: string, file: string, token: string): void => {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    replaceFile({ file, mode: 0o600 }, token);
  } catch {
    // A token that cannot be stored can still be used.
  }
};

/** The stored token. A file that another user can read or has written is ignored. */
const findKept = (file: string): string | undefined => {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW);
    const stats = fstatSync(descriptor);
    const isOwn = stats.uid === process.getuid?.();
    if (isOpenToOthers(stats) || !isOwn) return undefined;
    const token = readFileSync(descriptor, 'utf8');
    return isJwt(token) ? token : undefined;
  } catch {
    return undefined;
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
};

const onlyJwt = 'its stdout must be one JWT and nothing else';

/** Runs a token command. Failures name its source and never repeat its output. */
export const runTokenCommand = (
  [program = '', ...args]: readonly string[],
  source: string,
  limitMs = commandLimitMs,
): string => {
  const fail = (what: string, cause?: unknown) =>
    failure(`the token command of ${source} ${what}`, { kind: 'denied', cause });
  if (program === '' || (program.includes('/') && !isAbsolute(program))) {
    throw fail('must begin with the name of a program or its absolute path: write it there');
  }
  const { error, status, signal, stdout } = spawnSync(program, args, {
    // The command runs in a folder that is the same for every project.
    cwd: '/',
    // If the command starts dsvault, that one must not start the command again.
    env: { ...environment, DSVAULT_TOKEN: 'none' },
    stdio: ['ignore', 'pipe', 'inherit'],
    encoding: 'utf8',
    timeout: limitMs,
    killSignal: 'SIGKILL',
    maxBuffer: tokenMaxBytes + 2,
  });
  const code = error ? systemCodeOf(error) : undefined;
  if (code === 'ENOENT')
    throw fail(
      'was not found: write the absolute path of its program, or put that on the PATH',
      error,
    );
  if (code === 'ETIMEDOUT')
    throw fail(`did not end within ${limitMs / 1_000} s: run it by itself to see why`, error);
  if (code === 'ENOBUFS') throw fail(`printed more than 8 KiB: ${onlyJwt}`, error);
  if (code !== undefined)
    throw fail(`cannot be run (${code}): its program must be an executable file`, error);
  if (status !== 0)
    throw fail(`ended with ${signal ?? `exit code ${status}`}: run it by itself to see why`);
  const token = stdout.trim();
  if (isJwt(token)) return token;
  throw fail(`did not print a JWT: ${onlyJwt}`);
};
