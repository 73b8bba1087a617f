/**
 * Runs one vault four times under strace: a first start, one after `kill -9`, one after a sync of
 * the log failed, and one after an ordinary end.
 */
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { addressOf, freshFolder } from '../local-process.ts';
import {
  type Attempt,
  type Caller,
  hasFailed,
  prepare,
  read,
  send,
  writeUntilBroken,
} from '../promises.ts';
import { issueToken } from '../tokens.ts';
import { until } from '../until.ts';
import type { Content } from './disk.ts';
import { type Event, eventsOf } from './events.ts';
import { pidBelow, readTrace, startTraced } from './strace.ts';

export type Life = {
  readonly events: readonly Event[];
  /** The request id of the last answer to a read before the writers began. */
  readonly lastRead: string | undefined;
  /** The content of the files at the end of this life. */
  readonly left: Content;
};
export type Lives = {
  /** The parent of the data folder, which was empty at first. */
  readonly root: string;
  readonly data: string;
  readonly lives: readonly Life[];
  readonly attempts: readonly Attempt[];
};

const writers = 16;

/** Returns the files and folders below a folder, without the file that SQLite maps into memory. */
const contentOf = (folder: string): Content => {
  const content = new Map<string, Buffer | undefined>([[folder, undefined]]);
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) for (const [name, bytes] of contentOf(path)) content.set(name, bytes);
    else if (!path.endsWith('-shm')) content.set(path, readFileSync(path));
  }
  return content;
};

const answered = (attempts: readonly Attempt[]): number =>
  attempts.filter(({ answer }) => answer).length;

/**
 * After a start of the vault, reads the names that may have been stored by earlier requests without
 * an answer. Returns the request id of the last answer.
 */
const readUnanswered = async (caller: Caller, attempts: Attempt[]): Promise<string | undefined> => {
  const names = attempts.flatMap(({ answer, stores }) => (answer ? [] : [...stores.keys()]));
  let last: string | undefined;
  for (const name of names) {
    const attempt = read(name);
    // If the answer says that a name is missing, that promises nothing: a request without an answer
    // may create it later.
    await send(caller, attempt).catch(() => undefined);
    if (attempt.answer) attempts.push(attempt);
    last = attempt.answer?.requestId ?? last;
  }
  return last;
};

/** Runs the four lives. The third one is asked to end after this many answers. */
export const liveFourTimes = async (answersMin: number): Promise<Lives> => {
  const around = freshFolder();
  const root = join(around, 'disk');
  mkdirSync(root);
  const data = join(root, 'data');
  const attempts: Attempt[] = [];
  const lives: Life[] = [];
  for (const syncs of ['deadly', 'failing', 'slow', 'deadly'] as const) {
    const trace = join(around, `trace-${lives.length}`);
    const vault = startTraced({ VAULT_DATA_DIR: data, PORT: '0' }, trace, syncs);
    const url = await addressOf(vault);
    const caller = { url, token: issueToken(data) };
    const lastRead = await readUnanswered(caller, attempts);
    if (lives.length === 0) await prepare(caller, attempts);
    const before = answered(attempts);
    const crowd = Array.from({ length: writers }, (_, writer) =>
      writeUntilBroken(caller, attempts, writer, syncs === 'failing' ? hasFailed : undefined),
    );
    if (syncs === 'slow') {
      await until(() => answered(attempts) - before >= answersMin);
      process.kill(pidBelow(vault), 'SIGTERM');
    }
    await Promise.all([...crowd, vault.exit]);
    const events = eventsOf(await readTrace(trace), root);
    lives.push({ events, lastRead, left: contentOf(root) });
  }
  return { root, data, lives, attempts };
};
