/** `npm run inspect` on a running vault and on one that has stopped. */
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it } from '@jest/globals';
import { type Closer, closeAll } from '../../host/process/ending.ts';
import { storeFile } from '../../host/sqlite/database.ts';
import { openSqliteStore } from '../../host/sqlite/sqlite-store.ts';
import { freshFolder, runLocal } from '../support/local-process.ts';
import {
  describeLocal,
  freshName,
  type RunningVault,
  startVault,
  useVault,
} from '../support/running-vault.ts';
import { putRow } from '../support/sqlite-file.ts';

const inspect = async (dataDir: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) => {
  const { exit, output, errors } = runLocal('inspect', args, { VAULT_DATA_DIR: dataDir, ...env });
  return { code: await exit, output, errors };
};

describeLocal('npm run inspect', () => {
  const vault = useVault();
  const closers: Closer[] = [];
  afterAll(() => closeAll(closers));
  const start = async (env?: NodeJS.ProcessEnv): Promise<RunningVault> => {
    const other = await startVault(env);
    closers.push(other.stop);
    return other;
  };

  it('shows states, notes and destructions in plain lines, also of a deleted secret', async () => {
    const [name, other] = [freshName(), freshName()];
    const path = `/v1/secrets/${name}`;
    for (const one of [name, other]) {
      await vault.ask('POST', '/v1/secrets', { name: one, value: 'hunter2' });
    }
    await vault.ask('PUT', path, { value: 'two', note: 'rotated é' });
    await vault.ask('DELETE', path, { note: 'not used' });
    const destroyed = await vault.ask('DELETE', `${path}/versions/1`);
    expect(destroyed.status).toBe(200);
    const { destroyedAt } = JSON.parse(destroyed.text) as { readonly destroyedAt: string };

    const { code, output, errors } = await inspect(vault.dataDir, ['--secret', name, '--verify']);
    expect([code, errors]).toEqual([0, []]);
    expect(output[0]).toMatch(
      new RegExp(`^vault \\S+ in ${vault.dataDir}, table vault, master key `),
    );
    const told = /^ {2}(HEAD|VERSION#\d+)|^ {4}(state|note|destroyed\w+): /;
    const lines = output.filter((line) => told.test(line));
    expect(lines.map((line) => line.trim().replace(/ {2}\[.*$/, ''))).toEqual([
      ...['HEAD', 'note: not used', 'state: deleted'],
      ...['VERSION#0000000002', 'note: rotated é', 'state: stored'],
      ...['VERSION#0000000001', `destroyedAt: ${destroyedAt}`, 'destroyedBy: alice'],
      'state: destroyed',
    ]);
    expect(output.at(-1)).toBe('verified the whole table: no violations');
    // With `--secret`, inspect must show no other secret. It must never show a value, in any
    // encoding.
    expect(output.join('\n')).not.toMatch(new RegExp(`${other}|hunter2|aHVudGVyMg|68756e74657232`));
  });

  it('exits with 1 for a name without a secret, after doing everything else it was asked', async () => {
    const none = (of: string) => [`there is no secret NOPE of ${of} in the table`];
    const any = await inspect(vault.dataDir, ['--secret', 'NOPE', '--verify']);
    expect(any).toMatchObject({ code: 1, errors: none('any tenant') });
    expect(any.output.at(-1)).toBe('verified the whole table: no violations');
    const args = ['--secret', 'NOPE', '--tenant', 'acme', '--json'];
    const one = await inspect(vault.dataDir, args);
    expect(one).toMatchObject({ code: 1, errors: none('tenant acme') });
    expect(JSON.parse(one.output.join('\n'))).toMatchObject({ items: [] });
  });

  it('says that a tenant has nothing in the table', async () => {
    const nobody = await inspect(vault.dataDir, ['--tenant', 'nobody']);
    const errors = ['there is nothing of tenant nobody in the table'];
    expect(nobody).toMatchObject({ code: 0, errors });
  });

  it('names the tampered items in a running vault, and in one that was killed', async () => {
    const changed = await start();
    const name = await changed.create();
    const shown = await inspect(changed.dataDir, []);
    const own = shown.output.find((line) => line.endsWith(`#SECRET#${name}`)) ?? '';
    const file = join(changed.dataDir, storeFile);
    const stranger = { createdBy: { S: 'mallory\u009b2J' } };
    for (const pk of [own, 'X\u001b[2J\nno violations']) {
      const key = { pk, sk: 'HEAD' };
      const table = openSqliteStore(file, 'read');
      const item = await table.get(key);
      await table.close();
      putRow(file, { pk: { S: key.pk }, sk: { S: key.sk }, ...item, ...stranger });
    }
    const problem = 'cannot be opened under its own identity';
    const running = await inspect(changed.dataDir, ['--verify']);
    expect(running.code).toBe(1);
    expect(running.output.slice(1)).toEqual([
      '',
      `${own} HEAD: ${problem}`,
      'X\\u{1b}[2J\\u{a}no violations HEAD: is not an item of the vault',
      'verified the whole table: 2 violations',
    ]);
    await changed.kill9();
    const items = (await inspect(changed.dataDir, [])).output;
    expect(items).toContain('X\\u{1b}[2J\\u{a}no violations');
    expect(items).toContain('    createdBy: mallory\\u{9b}2J');
    const stopped = await inspect(changed.dataDir, ['--verify', '--json', '--secret', name]);
    expect(stopped.code).toBe(1);
    expect(stopped.output.join('\n')).toContain('"createdBy": "mallory\\u009b2J"');
    expect(JSON.parse(stopped.output.join('\n'))).toMatchObject({
      items: [{ pk: own, version: 1, createdBy: 'mallory\u009b2J' }],
      violations: [{ pk: own, sk: 'HEAD', problem }, { sk: 'HEAD' }],
    });
  });

  it('names a folder without a vault, or one that waits for a restore, and makes no file there', async () => {
    const folder = freshFolder();
    const missing = {
      ...{ code: 1, output: [] },
      errors: [
        `there is no vault in the data folder ${folder}: set VAULT_DATA_DIR to the folder of a vault`,
      ],
    };
    expect(await inspect(folder, [])).toEqual(missing);
    expect(readdirSync(folder)).toEqual([]);
    writeFileSync(join(folder, 'vault.json'), '{"id":"v"}');
    writeFileSync(join(folder, 'kms.json'), '{}');
    expect(await inspect(folder, [])).toEqual(missing);
    expect(readdirSync(folder).sort()).toEqual(['kms.json', 'vault.json']);
  });
});
