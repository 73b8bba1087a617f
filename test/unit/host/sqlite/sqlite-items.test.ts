/** Reads that may see a commit before it is synced to the disk. */
import type { DatabaseSync } from 'node:sqlite';
import { expect, it } from '@jest/globals';
import { times } from '../../../../functions/model/limits.ts';
import type { Items } from '../../../../functions/store/ports.ts';
import { openDatabase } from '../../../../host/sqlite/database.ts';
import { createSqliteItems } from '../../../../host/sqlite/sqlite-items.ts';
import { prepareStatements } from '../../../../host/sqlite/statements.ts';
import { freshFolder } from '../../../support/local-process.ts';
import { requestContext } from '../../../support/requests.ts';
import { virtualClock } from '../../../support/virtual-clock.ts';

const key = { pk: 'P', sk: 'S' };
const range = { from: 'A', to: 'Z', order: 'asc' as const, limit: 9 };
const names = { text: 'A', exact: false, after: undefined };

/** Items whose reads may see a commit that reaches the disk when `sync` resolves. */
const itemsBefore = (
  sync: Promise<void> | undefined,
  { context = requestContext(), ended = undefined as Error | undefined } = {},
) => {
  const statements = prepareStatements(openDatabase(`${freshFolder()}/vault.sqlite`, 'serve'));
  const asked: unknown[] = [];
  const writer = {
    run: () => Promise.reject(new Error('nothing is written')),
    pendingOf: (of?: readonly string[]) => {
      asked.push(of);
      return sync;
    },
    ended: () => ended,
    idle: async () => undefined,
  };
  return { items: createSqliteItems(statements, writer, async () => undefined)(context), asked };
};
const someTurns = async () => {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
};

const reads: [string, readonly string[] | undefined, (items: Items) => Promise<unknown>][] = [
  ['get', ['P', 'Q'], (items) => items.get([key, { pk: 'Q', sk: 'S' }])],
  ['range', ['P'], (items) => items.range('P', range)],
  ['names', undefined, (items) => items.names({ tenant: 't', state: 'stored' }, names, 9)],
  ['probe', undefined, (items) => items.probe()],
];

it.each(reads)(
  'a read (%s) waits until everything that it may have read is synced',
  async (_, partitions, read) => {
    const sync = Promise.withResolvers<void>();
    const { items, asked } = itemsBefore(sync.promise);
    let isOver = false;
    const reading = read(items).then(() => {
      isOver = true;
    });
    await someTurns();
    expect([isOver, asked]).toEqual([false, [partitions]]);
    sync.resolve();
    await reading;
  },
);

it.each(reads)(
  'every read (%s) fails once the store does not know what is on the disk',
  async (_, __, read) => {
    const { items } = itemsBefore(undefined, { ended: new Error('the store could not write') });
    await expect(read(items)).rejects.toThrow();
  },
);

it('a read fails when its time is over, even if the sync that it waits for is still running', async () => {
  const clock = virtualClock();
  const { items } = itemsBefore(new Promise(() => undefined), {
    context: requestContext({ clock }),
  });
  const reading = items.get([key]).then(
    () => 'shown',
    () => 'refused',
  );
  await someTurns();
  clock.advance(times.storeCallMs);
  expect(await reading).toBe('refused');
});

it.each([
  ['serve', { synchronous: 1, busy_timeout: 0 }],
  ['write', { synchronous: 2, busy_timeout: 5_000 }],
] as const)(
  'a SQLite connection opened to %s has the sync and wait settings that its owner relies on',
  (access, own) => {
    const database: DatabaseSync = openDatabase(`${freshFolder()}/vault.sqlite`, access);
    const settings = { ...own, wal_autocheckpoint: 0, fullfsync: 1, checkpoint_fullfsync: 1 };
    const found = Object.keys(settings).map((name) => [
      name,
      Object.values(database.prepare(`PRAGMA ${name}`).get() ?? {})[0],
    ]);
    expect(Object.fromEntries(found)).toEqual(settings);
    database.close();
  },
);
