/** How many rows SQLite visits for one page, however many rows there are before and after it. */
import type { DatabaseSync } from 'node:sqlite';
import { expect, it } from '@jest/globals';
import {
  headSortKey,
  indexPartition,
  secretPartition,
  versionSortKey,
} from '../../../../functions/store/items.ts';
import type { Items } from '../../../../functions/store/ports.ts';
import { openDatabase } from '../../../../host/sqlite/database.ts';
import { createSqliteItems } from '../../../../host/sqlite/sqlite-items.ts';
import { prepareStatements } from '../../../../host/sqlite/statements.ts';
import { freshFolder } from '../../../support/local-process.ts';
import { requestContext } from '../../../support/requests.ts';

const rows = 1_000;
const limit = 10;
const nameOf = (index: number) => `N${String(index).padStart(4, '0')}`;
const pk = secretPartition('t', nameOf(0));
const partition = { tenant: 't', state: 'stored' } as const;

/** `rows` names and as many versions, and how many rows the reads since `forget` have visited. */
const countedItems = () => {
  const database = openDatabase(`${freshFolder()}/vault.sqlite`, 'write');
  const { put } = prepareStatements(database);
  database.exec('BEGIN');
  for (let index = 0; index < rows; index += 1) {
    const name = nameOf(index);
    const head = { pk: secretPartition('t', name), sk: headSortKey };
    const tenant = { S: indexPartition('t', 'stored') };
    put(head, { pk: { S: head.pk }, sk: { S: head.sk }, name: { S: name }, tenant }, undefined);
    const version = { pk, sk: versionSortKey(index + 1) };
    put(version, { pk: { S: version.pk }, sk: { S: version.sk } }, undefined);
  }
  database.exec('COMMIT');
  let visited = 0;
  // SQLite calls the function for each row that an index leads it to, before all other conditions.
  database.function('visit', () => {
    visited += 1;
    return 1;
  });
  const counting = {
    prepare: (sql: string) =>
      database.prepare(sql.replace(/^(SELECT [^(]*? WHERE )/, '$1 visit() AND ')),
  } as DatabaseSync;
  const writer = {
    run: () => Promise.reject(new Error('nothing is written')),
    pendingOf: () => undefined,
    ended: () => undefined,
    idle: async () => undefined,
  };
  const itemsOf = createSqliteItems(prepareStatements(counting), writer, async () => undefined);
  return { items: itemsOf(requestContext()), visited: () => visited };
};

const names = (text: string, after?: string) => (items: Items) =>
  items.names(partition, { text, exact: false, after }, limit).then(({ names }) => names);
const versions = (order: 'asc' | 'desc', first: number, last: number) => (items: Items) =>
  items
    .range(pk, { from: versionSortKey(first), to: versionSortKey(last), order, limit })
    .then((found) => found.map(({ sk }) => sk?.S ?? ''));

it.each<[string, (items: Items) => Promise<readonly string[]>, string, number]>([
  // One more name than the page has shows whether there are further ones.
  ['the first names', names(''), 'N0000', limit + 1],
  ['names in the middle', names('', 'N0499'), 'N0500', limit + 1],
  ['the last names', names('', 'N0989'), 'N0990', limit],
  ['the last names that begin with a text', names('N05', 'N0589'), 'N0590', limit],
  ['the first versions', versions('asc', 1, rows), versionSortKey(1), limit],
  ['the last versions', versions('asc', 991, rows), versionSortKey(991), limit],
  ['the latest versions', versions('desc', 1, rows), versionSortKey(rows), limit],
  ['versions before the latest', versions('desc', 1, 500), versionSortKey(500), limit],
])('SQLite visits no row outside a page of %s', async (_, read, first, rowsOfPage) => {
  const { items, visited } = countedItems();
  const page = await read(items);
  expect([page[0], page.length]).toEqual([first, limit]);
  expect(visited()).toBe(rowsOfPage);
});
