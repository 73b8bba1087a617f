/** Reads that may show a commit whose sync is not over. */
import type { DatabaseSync } from 'node:sqlite';
import { expect, it } from '@jest/globals';
import type { Items } from '../../../../functions/store/ports.ts';
import { openDatabase } from '../../../../local/sqlite/database.ts';
import { createSqliteItems } from '../../../../local/sqlite/sqlite-items.ts';
import { prepareStatements } from '../../../../local/sqlite/statements.ts';
import { freshFolder } from '../../../support/local-process.ts';
import { requestContext } from '../../../support/requests.ts';

const key = { pk: 'P', sk: 'S' };
const range = { from: 'A', to: 'Z', order: 'asc' as const, limit: 9 };
const names = { text: 'A', exact: false, after: undefined };

it.each<[string, readonly string[] | undefined, (items: Items) => Promise<unknown>]>([
  ['get', ['P', 'Q'], (items) => items.get([key, { pk: 'Q', sk: 'S' }])],
  ['range', ['P'], (items) => items.range('P', range)],
  ['names', undefined, (items) => items.names({ tenant: 't', state: 'stored' }, names, 9)],
  ['probe', undefined, (items) => items.probe()],
])('%s waits for the sync of the partitions that it has read', async (_, partitions, read) => {
  const statements = prepareStatements(openDatabase(`${freshFolder()}/vault.sqlite`, 'serve'));
  const sync = Promise.withResolvers<void>();
  const asked: unknown[] = [];
  const writer = {
    run: () => Promise.reject(new Error('nothing is written')),
    pendingOf: (of?: readonly string[]) => {
      asked.push(of);
      return sync.promise;
    },
    ended: () => undefined,
    idle: async () => undefined,
  };
  const items = createSqliteItems(statements, writer, async () => undefined)(requestContext());
  let isOver = false;
  const reading = read(items).then(() => {
    isOver = true;
  });
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  expect([isOver, asked]).toEqual([false, [partitions]]);
  sync.resolve();
  await reading;
});

it.each([
  ['serve', { synchronous: 1, busy_timeout: 0 }],
  ['write', { synchronous: 2, busy_timeout: 5_000 }],
] as const)('a connection to %s syncs and waits as its owner relies on', (access, own) => {
  const database: DatabaseSync = openDatabase(`${freshFolder()}/vault.sqlite`, access);
  const settings = { ...own, wal_autocheckpoint: 0, fullfsync: 1, checkpoint_fullfsync: 1 };
  const found = Object.keys(settings).map((name) => [
    name,
    Object.values(database.prepare(`PRAGMA ${name}`).get() ?? {})[0],
  ]);
  expect(Object.fromEntries(found)).toEqual(settings);
  database.close();
});
