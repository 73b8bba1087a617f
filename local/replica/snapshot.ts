/**
 * Snapshots: the whole store of one node, as it stood at one revision, for a node that the log no longer reaches back
 * to; and the digest of all items, to compare nodes at rest.
 */
import {
  createReadStream,
  createWriteStream,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { sentenceOf } from '../command.ts';
import { type AskPeer, askText } from './peers.ts';

export type Content = { readonly revision: number; readonly digest: string };

const file = 'store.sqlite';
/** A giver that sends nothing for so long is given up. */
const silenceMs = 10_000;

const inThread = <Result>(task: string, folder: string, name: string, copy = ''): Promise<Result> =>
  new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./snapshot-worker.ts', import.meta.url), {
      workerData: { task, file: join(folder, name), copy },
    });
    worker.once('message', resolve).once('error', reject);
    worker.once('exit', () => reject(new Error('the thread ended without a result')));
  });

/** The digest of all items, and the revision at which they were so. */
export const readContent = (folder: string): Promise<Content> => inThread('content', folder, file);

/** Sends a copy of the node's store, whole and of one moment, while the store goes on. */
export const sendSnapshot = async (
  folder: string,
  response: ServerResponse,
): Promise<undefined> => {
  const copy = join(folder, `snapshot-${process.hrtime.bigint()}.out`);
  try {
    await inThread('copy', folder, file, copy);
    response.writeHead(200, { 'Content-Length': statSync(copy).size });
    await pipeline(createReadStream(copy), response);
  } finally {
    rmSync(copy, { force: true });
  }
};

const received = 'snapshot.in';

/** Where a copy stands by its own word: the rolling digest, and the digest of the items that it holds. */
type Copied = Content & { readonly items: string };
/** What a node answers who asks for its digests at a revision; `null`: it cannot tell. */
export type Digests = { readonly digest: string | null; readonly items: string | null };

/** Removes the copies that a run which was killed was giving or taking. */
export const clearSnapshots = (folder: string): void => {
  for (const name of readdirSync(folder)) {
    if (/^snapshot(\.in|-\d+\.out)/.test(name)) rmSync(join(folder, name));
  }
};

/** Fetches a node's snapshot into the folder; returns where it stands. Throws if it is not whole. */
const fetchSnapshot = async (ask: AskPeer, node: number, folder: string): Promise<Copied> => {
  const target = join(folder, received);
  rmSync(target, { force: true });
  const incoming = await ask(node, 'GET', '/snapshot', { timeoutMs: silenceMs });
  const bytes = Number(incoming.headers['content-length']);
  await pipeline(incoming, createWriteStream(target, { mode: 0o600, flush: true }));
  if (statSync(target).size !== bytes) throw new Error(`the snapshot of node ${node} is cut off`);
  return await inThread('copied', folder, received);
};

export type TakeOptions = {
  readonly ask: AskPeer;
  readonly others: readonly number[];
  readonly folder: string;
  /** Where the log begins. */
  readonly revision: number;
  readonly report: (line: string) => void;
  readonly signal: AbortSignal;
};

const digestMs = 2_000;
const retryMs = 1_000;

/**
 * Whether a node other than the giver had the same digest there, and the same items if it has read them there;
 * `undefined` if none could tell.
 */
const confirm = async (
  { ask, others }: TakeOptions,
  giver: number,
  { revision, digest, items }: Copied,
): Promise<boolean | undefined> => {
  for (const node of others.filter((other) => other !== giver)) {
    const body = String(revision);
    const options = { body, timeoutMs: digestMs };
    const told: Digests | undefined = await askText(ask, node, 'POST', '/digest', options)
      .then((text) => JSON.parse(text))
      .catch(() => undefined);
    if (typeof told?.digest !== 'string') continue;
    return told.digest === digest && (told.items ?? items) === items;
  }
  return undefined;
};

/**
 * Fetches a snapshot from which the log can be followed, of one of the others, and has another one confirm its digest
 * where one can. Tries until it has one.
 */
export const takeSnapshot = async (options: TakeOptions): Promise<void> => {
  const { ask, others, folder, revision, report, signal } = options;
  for (;;) {
    for (const node of others) {
      try {
        const at = await fetchSnapshot(ask, node, folder);
        if (at.revision + 1 < revision) throw new Error(`it ends at revision ${at.revision}`);
        const isConfirmed = await confirm(options, node, at);
        if (isConfirmed === false) throw new Error('another node has another digest there');
        const word = isConfirmed ? 'confirmed by another node' : 'on its word alone';
        return report(`node ${node} gave a snapshot of revision ${at.revision}, ${word}`);
      } catch (error) {
        report(`node ${node} gave no snapshot: ${sentenceOf(error)}`);
      }
    }
    await sleep(retryMs, undefined, { signal });
  }
};

/** Puts the fetched snapshot in place of the store's file. The store must not be running. */
export const installSnapshot = (folder: string): void => {
  for (const tail of ['-wal', '-shm']) rmSync(join(folder, `${file}${tail}`), { force: true });
  renameSync(join(folder, received), join(folder, file));
};
