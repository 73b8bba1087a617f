/**
 * Changes a user name and a password together, many times with one file each, while 16 readers
 * check that they never see an old one with a new one.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from '@jest/globals';
import { until } from './until.ts';

const readers = 16;

type Reply = {
  readonly status: number | string;
  readonly json: {
    readonly content?: string;
    readonly created?: readonly { readonly version: number }[];
  };
};

export type PairClients = {
  readonly pair: readonly [string, string];
  /** How often the pair is changed. */
  readonly changes: number;
  /** Sends a file to the route `path`, and repeats the request until it is answered. */
  readonly write: (path: string, body: object) => Promise<Reply>;
  /**
   * Sends a file to the route `path` on behalf of the concurrent reader with this number. Returns
   * `undefined` if the vault cannot answer at the moment.
   */
  readonly read: (path: string, body: object, reader: number) => Promise<Reply | undefined>;
  /** How long a reader waits after each answer. */
  readonly pauseMs?: number;
  /** Called before each change of the pair, with the number of the change. */
  readonly before?: (change: number) => Promise<void>;
};

/**
 * Creates the two secrets of the pair with one file and changes them with `changes` more. Fails if
 * an answer shows a pair of values that no file stored, if a reader sees an older pair after a
 * newer one, or if a change does not add exactly one version to both secrets.
 */
export const changePair = async (clients: PairClients): Promise<void> => {
  const { pair, changes, write, read, pauseMs = 0, before = async () => {} } = clients;
  const textOf = (name: string, change: number) => `${name} of change ${change}`;
  const contentOf = (change: number) =>
    JSON.stringify(Object.fromEntries(pair.map((name) => [`K_${name}`, textOf(name, change)])));
  const stored: string[] = [];
  const store = async (change: number) => {
    const kind = change === 0 ? '' : '@next';
    const content = pair.map((name) => `E_${name}=enc(${name}${kind})\n`).join('');
    const values = Object.fromEntries(pair.map((name) => [name, textOf(name, change)]));
    const body = { content, values, ...(change > 0 && { ifVersions: { [pair[0]]: change } }) };
    stored.push(contentOf(change));
    const { status, json } = await write(change % 2 === 0 ? '/v1/env' : '/v1/env/encrypt', body);
    const versions = json.created?.map(({ version }) => version);
    expect([status, versions]).toEqual([200, [change + 1, change + 1]]);
  };
  const expanded = {
    content: pair.map((name) => `K_${name}=secret(${name})\n`).join(''),
    dialect: 'json',
  };
  const seen = new Set<number>();
  let isOver = false;
  const readAll = async (_: unknown, reader: number) => {
    let last = 0;
    while (!isOver) {
      const reply = await read('/v1/env/expand', expanded, reader);
      if (reply) {
        const found = stored.indexOf(reply.json.content ?? '');
        expect([reply.status, found]).toEqual([200, Math.max(found, last)]);
        last = found;
        seen.add(found);
      }
      await sleep(reply ? pauseMs : 100);
    }
  };
  await store(0);
  const reading = Promise.all(Array.from({ length: readers }, readAll));
  const changing = async () => {
    let seenBefore = 0;
    for (let change = 1; change <= changes; change += 1) {
      await before(change);
      await store(change);
      // Otherwise a fast machine could finish all changes before the readers have looked ten times.
      if (change % 10 === 0) {
        await until(() => seen.size > seenBefore);
        seenBefore = seen.size;
      }
    }
  };
  await Promise.all([
    reading,
    changing().finally(() => {
      isOver = true;
    }),
  ]);
  expect(seen.size).toBeGreaterThan(changes / 20);
  expect((await read('/v1/env/expand', expanded, 0))?.json.content).toBe(contentOf(changes));
};
