/** The data of `npm start`, as a backup and a restore find them. */
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { openEmbedded, restoreEmbedded } from '../../../../local/backup/embedded.ts';
import { createBackup } from '../../../../local/backup/file.ts';
import { createProgress } from '../../../../local/backup/progress.ts';
import { openSqliteStore } from '../../../../local/sqlite/sqlite-store.ts';
import { runningRecord } from '../../../../local/vaults/vault-records.ts';
import { freshFolder } from '../../../support/local-process.ts';

const runs = (dynamodbEndpoint?: string) => (folder: string) =>
  runningRecord.remember(folder, {
    ...{ url: '', ...(dynamodbEndpoint && { dynamodbEndpoint }) },
    ...{ vaultId: 'v', tableName: 'vault', masterKeyId: 'key', takesLocalTokens: true },
  });

it.each<[string, RegExp, (folder: string) => void]>([
  [
    'of a vault that keeps its data elsewhere',
    /has its data in another store: /,
    runs('http://127.0.0.1:1'),
  ],
  [
    'of release 1.0.0',
    /^\S+ holds data of release 1\.0\.0 or older \(store\.sqlite-wal\): make a backup with that release, move store\.sqlite\*/,
    (folder) => writeFileSync(join(folder, 'store.sqlite-wal'), ''),
  ],
  [
    'of DynamoDB Local',
    /^the data of \S+ are in DynamoDB Local, which npm start does not run any more: run it yourself/,
    (folder) => mkdirSync(join(folder, 'dynamodb-local')),
  ],
])('a backup refuses data %s', async (_, sentence, prepare) => {
  const folder = freshFolder();
  prepare(folder);
  await expect(openEmbedded(folder)).rejects.toThrow(sentence);
});

it('a backup shows the moment at which it is read, while the vault goes on', async () => {
  const folder = freshFolder();
  writeFileSync(join(folder, 'vault.json'), '{"id":"v"}');
  const store = openSqliteStore(join(folder, 'vault.sqlite'), 'serve');
  const item = (name: string) => ({ pk: { S: name }, sk: { S: 'HEAD' } });
  const many = Array.from({ length: 1_500 }, (__, index) => item(`${10_000 + index}`));
  await store.putAbsent(many);
  runs()(folder);
  const { facts, pages } = await openEmbedded(folder);
  expect(facts).toMatchObject({ vault: 'v', table: 'vault', store: 'sqlite' });
  const found: string[] = [];
  for await (const page of pages) {
    found.push(...page.map(({ pk }) => pk?.S ?? ''));
    await store.putAbsent([item('99999')]);
  }
  expect(found).toEqual(many.map(({ pk }) => pk.S));
  await store.close();
});

it('a restore without the master key leaves nothing behind', async () => {
  async function* pages() {
    yield [];
  }
  const facts = { vault: 'v', table: 'vault', takenAt: '', store: 'sqlite' };
  const file = join(freshFolder(), 'file');
  const unheard = { written: () => undefined, checked: () => undefined };
  await createBackup(file, async () => ({ facts, pages: pages() }), unheard);
  const folder = freshFolder();
  await expect(restoreEmbedded(folder, file, createProgress())).rejects.toThrow(
    /^the master key is missing: copy/,
  );
  expect(readdirSync(folder)).toEqual(['lock']);
});
