/**
 * `dsvault witness --check` after somebody has changed the store of `npm start` without the vault:
 * by restoring a backup, or by removing and replacing items.
 */
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, it } from '@jest/globals';
import { storeFile } from '../../host/sqlite/database.ts';
import { openSqliteStore } from '../../host/sqlite/sqlite-store.ts';
import { openDsvault } from '../support/dsvault.ts';
import { freshFolder, runLocal } from '../support/local-process.ts';
import { describeLocal, useVault } from '../support/running-vault.ts';
import { putRow, removeRow } from '../support/sqlite-file.ts';

describeLocal('dsvault witness --check', () => {
  const vault = useVault();
  const backup = join(freshFolder(), 'vault.backup');
  const dsvault = openDsvault({});
  const run = (...args: readonly string[]) =>
    dsvault.run(args, { env: { DSVAULT_ADDR: vault.baseUrl(), DSVAULT_TOKEN: vault.token() } });
  /** Returns the exit code of a check, and the state of each secret. */
  const check = async () => {
    const { code, stdout } = await run('witness', '--check', 'day.json', '--json');
    const { secrets } = JSON.parse(stdout) as { secrets: { name: string; state: string }[] };
    return { code, ...Object.fromEntries(secrets.map(({ name, state }) => [name, state])) };
  };
  const succeed = async (program: string, ...args: readonly string[]): Promise<void> => {
    const { exit, errors } = runLocal(program, args, { VAULT_DATA_DIR: vault.dataDir });
    if ((await exit) !== 0) throw new Error(errors.join('\n'));
  };
  const update = (name: string, value: string) =>
    vault.ask('PUT', `/v1/secrets/${name}`, { value });
  const remove = (name: string) => vault.ask('DELETE', `/v1/secrets/${name}`);
  const store = () => join(vault.dataDir, storeFile);
  const headOf = async (name: string) => {
    const table = openSqliteStore(store(), 'read');
    try {
      for await (const page of table.pages()) {
        const head = page.find((item) => item['name']?.S === name && item['sk']?.S === 'HEAD');
        if (head) return head;
      }
      throw new Error(`no head of ${name}`);
    } finally {
      await table.close();
    }
  };

  beforeAll(async () => {
    for (const name of ['KEPT', 'UPDATED', 'DELETED', 'EMPTIED']) await vault.create('one', name);
    await succeed('backup', backup);
    await update('UPDATED', 'two');
    await remove('DELETED');
    await vault.create('one', 'CREATED');
    expect(await run('witness', '--out', 'day.json')).toMatchObject({ code: 0 });
  });

  it('says that every history goes on as long as only the vault writes', async () => {
    await update('UPDATED', 'three');
    await vault.create('two', 'DELETED');
    const states = { CREATED: 'goes_on', DELETED: 'goes_on', EMPTIED: 'goes_on' };
    expect(await check()).toEqual({ code: 0, ...states, KEPT: 'goes_on', UPDATED: 'goes_on' });
  });

  it('says what went back or is gone after an older backup was restored', async () => {
    await vault.kill9();
    for (const name of readdirSync(vault.dataDir).filter((one) => one.startsWith(storeFile))) {
      rmSync(join(vault.dataDir, name));
    }
    await succeed('restore', backup);
    await vault.restart();
    expect(await check()).toEqual({
      ...{ code: 9, CREATED: 'removed_without_a_deletion', DELETED: 'went_back' },
      ...{ EMPTIED: 'goes_on', KEPT: 'goes_on', UPDATED: 'went_back' },
    });
  });

  it('says which secrets have another history once the restored vault has written them again', async () => {
    await update('UPDATED', 'other');
    await remove('DELETED');
    await vault.create('other', 'CREATED');
    expect(await check()).toEqual({
      ...{ code: 9, CREATED: 'another_history', DELETED: 'another_history' },
      ...{ EMPTIED: 'goes_on', KEPT: 'goes_on', UPDATED: 'another_history' },
    });
  });

  it('says which secrets were removed from the store, or were turned into deletions without a new version', async () => {
    removeRow(store(), await headOf('KEPT'));
    const {
      pk,
      sk,
      name,
      format,
      vault: id,
      version,
      validFrom,
      writeId,
      createdBy,
      tenant,
    } = await headOf('EMPTIED');
    const fields = { pk, sk, name, format, vault: id, version, validFrom, writeId, createdBy };
    const forged = { ...fields, state: { S: 'deleted' }, tenant: { S: `${tenant?.S}#DELETED` } };
    putRow(store(), forged as Parameters<typeof putRow>[1]);
    expect(await check()).toMatchObject({
      ...{ code: 9, EMPTIED: 'removed_without_a_deletion', KEPT: 'removed_without_a_deletion' },
    });
  });

  it('says which secret is damaged, and what became of the others', async () => {
    await remove('CREATED');
    putRow(store(), { ...(await headOf('UPDATED')), validFrom: { S: 'never' } });
    expect(await check()).toMatchObject({
      ...{ code: 9, UPDATED: 'damaged', CREATED: 'another_history' },
      ...{ EMPTIED: 'removed_without_a_deletion', KEPT: 'removed_without_a_deletion' },
    });
  });
});
