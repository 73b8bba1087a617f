/** What a scan searches: the files of folders, and what commits have brought into a repository. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { lstatSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { failure, systemCodeOf, usage } from '../../system/failures.ts';
import { findProgram } from '../../system/programs.ts';
import { gitCommand } from '../files/git.ts';

export type Place = {
  /** The path of the file. A commit's own text has none. */
  readonly path?: string;
  readonly commit?: string;
  readonly blob?: string;
};

/** The bytes at a place, or why they are not there. */
export type Content = Place & {
  readonly bytes: Buffer | 'binary' | 'large' | 'unreadable' | 'ignored';
};

const contentBytesMax = 67_108_864;
/** A content is binary if there is a zero byte among this many of its first bytes, as for git. */
const binaryBytes = 8_000;

const textIn = (bytes: Buffer): Content['bytes'] =>
  bytes.subarray(0, binaryBytes).includes(0) ? 'binary' : bytes;

/**
 * Yields the file, or all files in the folder, except those in it that git ignores (unless
 * `withIgnored`). Links in it are not followed.
 */
export function* filesIn(path: string, withIgnored = false): Generator<Content> {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) throw failure(`there is no file ${path}: check its path`);
  if (!found.isFile() && !found.isDirectory()) {
    throw failure(`${path} is neither a file nor a folder: save its contents to a file first`);
  }
  const ignored = found.isDirectory() && !withIgnored ? ignoredIn(path) : new Set<string>();
  yield* contentsIn(path, ignored, found);
}

/**
 * The paths of the files and folders in the folder that git ignores. None if the folder itself is
 * ignored, because the user has named it, or if there is no git or no repository that it trusts.
 */
const ignoredIn = (folder: string): ReadonlySet<string> => {
  const git = findProgram('git');
  if (git === undefined) return new Set();
  const ask = (...words: readonly string[]) => {
    const { args, env } = gitCommand(folder, words);
    return spawnSync(git, args, { env, maxBuffer: 2 ** 28 });
  };
  // `check-ignore` refuses to take pathspecs literally.
  const own = ask('--no-literal-pathspecs', 'check-ignore', '--quiet', '--no-index', '.');
  if (own.status === 0) return new Set();
  const list = ['--others', '--ignored', '--exclude-standard', '--directory', '-z'];
  const { status, stdout } = ask('ls-files', ...list);
  const names = status === 0 ? stdout.toString().split('\0').filter(Boolean) : [];
  return new Set(names.map((name) => join(folder, name.replace(/\/$/, ''))));
};

function* contentsIn(
  path: string,
  ignored: ReadonlySet<string>,
  found = lstatSync(path),
): Generator<Content> {
  try {
    if (ignored.has(path)) yield { path, bytes: 'ignored' };
    else if (found.isDirectory()) {
      // Git's own objects are compressed; --git searches them.
      if (/(?:^|\/)\.git\/(?:.*\/)?objects$/.test(path)) return;
      for (const name of readdirSync(path).sort()) yield* contentsIn(join(path, name), ignored);
    } else if (found.isFile()) {
      yield { path, bytes: found.size > contentBytesMax ? 'large' : textIn(readFileSync(path)) };
    } else if (!found.isSymbolicLink()) yield { path, bytes: 'unreadable' };
  } catch (error) {
    if (systemCodeOf(error) === 'unknown error') throw error;
    yield { path, bytes: 'unreadable' };
  }
}

/**
 * Yields what the commits of `range`, as `git rev-list` understands it, have brought: the text of
 * each commit, and each content of a file once, with the first commit and path that has it.
 */
export async function* contentsOfCommits(range: string, folder = '.'): AsyncGenerator<Content> {
  const start = (...command: string[]) => startGit(folder, command);
  const words = range.split(/\s+/).filter(Boolean);
  const isOption = (word: string) => /^-(?!-(?:all|reflog|branches|tags|remotes)$)/.test(word);
  if (words.length === 0 || words.some(isOption)) {
    throw usage('--git is a range of commits, such as main, v1.0..main or --all');
  }
  const order = ['--objects', '--in-commit-order', '--topo-order', '--reverse', '--missing=print'];
  const listing = start('rev-list', ...order, ...words, '--');
  const format = '%(objecttype) %(objectsize) %(objectname) %(rest)';
  const checking = start('cat-file', `--batch-check=${format}`);
  const reading = start('cat-file', '--batch');
  const asked: Place[] = [];
  const left: Content[] = [];
  const ask = async function* () {
    let commit = '';
    for await (const line of createInterface(checking.child.stdout)) {
      const [, type, size, blob = '', path] = /^(\w+) (\d+) (\w+) (.*)$/.exec(line) ?? [];
      if (type === 'commit') commit = blob;
      const place = type === 'commit' ? { commit } : { commit, path: path ?? line, blob };
      if (type === undefined) left.push({ ...place, bytes: 'unreadable' });
      else if (Number(size) > contentBytesMax) left.push({ ...place, bytes: 'large' });
      else if (type !== 'tree') {
        asked.push(place);
        yield `${blob}\n`;
      }
    }
  };
  try {
    listing.child.stdout.pipe(checking.child.stdin);
    Readable.from(ask()).pipe(reading.child.stdin);
    for await (const bytes of objectsIn(reading.child.stdout)) {
      yield { ...asked.shift(), bytes: textIn(bytes) };
    }
    yield* left;
    const shallow = await text(start('rev-parse', '--is-shallow-repository').child.stdout);
    if (shallow === 'true\n') yield { path: 'what this shallow clone lacks', bytes: 'unreadable' };
    for (const { ended } of [listing, checking, reading]) {
      if ((await ended) === 0) continue;
      throw failure('git cannot list this range here: is it known in this repository?');
    }
  } finally {
    for (const { child } of [listing, checking, reading]) child.kill();
  }
}

const startGit = (folder: string, command: readonly string[]) => {
  const git = findProgram('git');
  if (git === undefined) throw usage('--git needs git, which is not on the PATH');
  const { args, env } = gitCommand(folder, command);
  const child = spawn(git, args, { env, stdio: ['pipe', 'pipe', 'ignore'] });
  // Writing to a git that has ended is an error, which its exit code explains better.
  child.stdin.on('error', () => undefined);
  return {
    child,
    ended: once(child, 'close').then(
      ([code]) => code,
      () => 1,
    ),
  };
};

/** Splits the output of `git cat-file --batch` into the objects, however it is cut into chunks. */
export async function* objectsIn(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  let parts: Uint8Array[] = [];
  let [length, wanted] = [0, 0];
  for await (const chunk of chunks) {
    parts.push(chunk);
    length += chunk.length;
    // A large object is joined once, when all of it is there.
    if (length < wanted) continue;
    let held = Buffer.concat(parts);
    for (;;) {
      const end = held.indexOf('\n');
      const [, , bytes = '-1'] = held.toString('latin1', 0, Math.max(0, end)).split(' ');
      wanted = end < 0 ? held.length + 1 : end + 1 + Number(bytes) + 1;
      if (held.length < wanted) break;
      yield held.subarray(end + 1, wanted - 1);
      held = held.subarray(wanted);
    }
    parts = [held];
    length = held.length;
  }
}
