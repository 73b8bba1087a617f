/** A user and a password that files change together 200 times, while 16 readers look for one old and one new. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from '@jest/globals';

const changes = 200;
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
  /** Sends a file to this route, again until it is answered. */
  readonly write: (path: string, body: object) => Promise<Reply>;
  /** The answer to a reader with this number; `undefined` if the vault cannot answer at the moment. */
  readonly read: (path: string, body: object, reader: number) => Promise<Reply | undefined>;
  /** The wait of a reader after each answer. */
  readonly pauseMs?: number;
  /** Runs before the change with this number. */
  readonly before?: (change: number) => Promise<void>;
};

/**
 * Creates both secrets with one file and changes them with 200 more. Fails if an answer shows a pair that no file stored,
 * if a reader sees an older pair after a newer one, or if a change becomes anything but one version of both.
 */
export const changePair = async (clients: PairClients): Promise<void> => {
  const { pair, write, read, pauseMs = 0, before = async () => {} } = clients;
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
    for (let change = 1; change <= changes; change += 1) {
      await before(change);
      await store(change);
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
