/** Backing up and restoring the data of `npm start`. */
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import type { Item } from '../../../../functions/store/items.ts';
import { openEmbedded, restoreEmbedded } from '../../../../host/backup/embedded.ts';
import { createBackup } from '../../../../host/backup/file.ts';
import { createProgress } from '../../../../host/backup/progress.ts';
import { putItems } from '../../../../host/backup/table.ts';
import { makeMasterKey } from '../../../../host/kms/key-file.ts';
import { runningRecord } from '../../../../host/process/vault-records.ts';
import { openSqliteStore } from '../../../../host/sqlite/sqlite-store.ts';
import { freshFolder } from '../../../support/local-process.ts';
import { removeRow } from '../../../support/sqlite-file.ts';

const runs = (dynamodbEndpoint?: string) => (folder: string) =>
  runningRecord.remember(folder, {
    ...{ url: '', ...(dynamodbEndpoint && { dynamodbEndpoint }) },
    ...{ vaultId: 'v', tableName: 'vault', masterKeyId: 'key', takesLocalTokens: true },
  });

/** Makes a backup of these items, and returns its file. */
const backupOf = async (items: readonly Item[]): Promise<string> => {
  async function* pages() {
    yield items;
  }
  const facts = { vault: 'v', table: 'vault', takenAt: '', store: 'sqlite' };
  const file = join(freshFolder(), 'file');
  const unheard = { written: () => undefined, checked: () => undefined };
  await createBackup(file, async () => ({ facts, pages: pages() }), unheard);
  return file;
};

it.each<[string, RegExp, (folder: string) => void]>([
  [
    'of a vault that keeps its data elsewhere',
    /has its data in another store: /,
    runs('http://127.0.0.1:1'),
  ],
  [
    'from before 2.0.0',
    /^\S+ holds data of release 1\.0\.0 or older \(store\.sqlite\): make a backup with that release, move store\.sqlite\*/,
    (folder) => writeFileSync(join(folder, 'store.sqlite-wal'), ''),
  ],
  [
    'of DynamoDB Local',
    /^\S+ holds data of release 1\.0\.0 or older \(dynamodb-local\): .*, move dynamodb-local\* away/,
    (folder) => mkdirSync(join(folder, 'dynamodb-local')),
  ],
])('a backup refuses data %s', async (_, sentence, prepare) => {
  const folder = freshFolder();
  prepare(folder);
  await expect(openEmbedded(folder)).rejects.toThrow(sentence);
});

it('a backup shows the data as of one moment while the vault keeps writing', async () => {
  const folder = freshFolder();
  writeFileSync(join(folder, 'vault.json'), '{"id":"v"}');
  const store = openSqliteStore(join(folder, 'vault.sqlite'), 'serve');
  const item = (name: string) => ({ pk: { S: name }, sk: { S: 'HEAD' } });
  const many = Array.from({ length: 1_500 }, (__, index) => item(`${10_000 + index}`));
  await putItems(store.write, many);
  runs()(folder);
  const { facts, pages } = await openEmbedded(folder);
  expect(facts).toMatchObject({ vault: 'v', table: 'vault', store: 'sqlite' });
  const found: string[] = [];
  for await (const page of pages) {
    found.push(...page.map(({ pk }) => pk?.S ?? ''));
    await putItems(store.write, [item('99999')]);
  }
  expect(found).toEqual(many.map(({ pk }) => pk.S));
  await store.close();
});

it('a restore fails if its new store does not hold what was written to it', async () => {
  const items = ['A', 'B'].map((name) => ({ pk: { S: name }, sk: { S: 'HEAD' } }));
  const [file, folder] = [await backupOf(items), freshFolder()];
  makeMasterKey(join(folder, 'kms.json'));
  const losing = {
    ...createProgress(),
    counter: (verb: string) => () => {
      if (verb === 'wrote') removeRow(join(folder, 'restore', 'vault.sqlite'), items[0] ?? {});
    },
  };
  await expect(restoreEmbedded(folder, file, losing)).rejects.toThrow(
    /^the store does not hold what was written to it: try another disk$/,
  );
  expect(readdirSync(folder)).not.toContain('vault.sqlite');
});

it('a restore without the master key fails and leaves only its lock file behind', async () => {
  const [file, folder] = [await backupOf([]), freshFolder()];
  await expect(restoreEmbedded(folder, file, createProgress())).rejects.toThrow(
    /^the master key is missing: copy/,
  );
  expect(readdirSync(folder)).toEqual(['lock']);
});
