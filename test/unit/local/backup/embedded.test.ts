/** The file of a restored store. */
import { copyFileSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, it } from '@jest/globals';
import { openEmbedded, restoreEmbedded, settle } from '../../../../local/backup/embedded.ts';
import { createBackup } from '../../../../local/backup/file.ts';
import { createProgress } from '../../../../local/backup/progress.ts';
import { runningRecord } from '../../../../local/vaults/vault-records.ts';
import { isFailure } from '../../../../system/failures.ts';
import { freshFolder } from '../../../support/local-process.ts';

it('settle puts all writes of a killed store into its one file', () => {
  const folder = freshFolder();
  const [file, alone] = [join(folder, 'store.sqlite'), join(folder, 'alone.sqlite')];
  // SQLite leaves its log beside the file as long as a connection is open, or if it was killed.
  const killed = new DatabaseSync(file);
  killed.exec('PRAGMA journal_mode = WAL; CREATE TABLE items (n); INSERT INTO items VALUES (7)');
  settle(file);
  copyFileSync(file, alone);
  killed.close();
  const store = new DatabaseSync(alone);
  expect(store.prepare('SELECT n FROM items').get()).toEqual({ n: 7 });
  store.close();
});

it('a store that SQLite cannot write ends a restore with one sentence, and not with a stack', () => {
  let thrown: unknown;
  try {
    settle(freshFolder());
  } catch (error) {
    thrown = error;
  }
  expect([isFailure(thrown), String(thrown)]).toEqual([
    true,
    expect.stringContaining('the store cannot be written: '),
  ]);
});

it('a restore refuses a backup of another table, and names TABLE_NAME', async () => {
  async function* pages() {
    yield [];
  }
  const facts = { vault: 'v', table: 'other', takenAt: '', store: 'dynoxide' };
  const file = join(freshFolder(), 'file');
  const unheard = { written: () => undefined, checked: () => undefined };
  await createBackup(file, async () => ({ facts, pages: pages() }), unheard);
  const folder = freshFolder();
  await expect(restoreEmbedded(folder, file, createProgress())).rejects.toThrow(
    /^the backup is of the table other: set TABLE_NAME to it/,
  );
  expect(readdirSync(folder)).toEqual(['lock']);
});

const runs = (storeIsEmbedded: boolean) => (folder: string) =>
  runningRecord.remember(folder, {
    ...{ url: '', dynamodbEndpoint: '', storeIsEmbedded },
    ...{ vaultId: 'v', tableName: 'vault', masterKeyId: 'key', takesLocalTokens: true },
  });
const leaveDynamodbLocal = (folder: string) => mkdirSync(join(folder, 'dynamodb-local'));

it.each<[string, RegExp, (folder: string) => void]>([
  ['of a vault that keeps its data elsewhere', /has its data in another store: /, runs(false)],
  [
    'that also has data in DynamoDB Local, while no vault runs',
    /^\S+ has data in the embedded store and in DynamoDB Local: move store\.sqlite or \S+ away/,
    leaveDynamodbLocal,
  ],
])('a backup refuses the embedded store %s', async (_, sentence, prepare) => {
  const folder = freshFolder();
  writeFileSync(join(folder, 'store.sqlite'), '');
  prepare(folder);
  await expect(openEmbedded(folder, freshFolder(), createProgress())).rejects.toThrow(sentence);
});

it('a backup copies the embedded store of a vault that runs, whatever else is in its folder', async () => {
  const folder = freshFolder();
  new DatabaseSync(join(folder, 'store.sqlite')).close();
  writeFileSync(join(folder, 'vault.json'), '{"id":"v"}');
  runs(true)(folder);
  leaveDynamodbLocal(folder);
  const { facts, pages } = await openEmbedded(folder, freshFolder(), createProgress());
  expect(facts).toMatchObject({ table: 'vault', store: 'dynoxide' });
  // Reading ends the store of the copy, which has no table.
  await expect(pages[Symbol.asyncIterator]().next()).rejects.toThrow('the table vault cannot');
});
