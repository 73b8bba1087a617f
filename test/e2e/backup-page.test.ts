/**
 * Runs the commands of docs/deploy/backup.md for `npm start` in order, from a backup to the last
 * step of a restore.
 */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from '@jest/globals';
import { homeCommands } from '../support/backup-page.ts';
import { freshFolder } from '../support/local-process.ts';
import { describeLocal, freshName, useVault } from '../support/running-vault.ts';

const page = homeCommands('`npm start`', '**`npm start`.**');

describeLocal('docs/deploy/backup.md', () => {
  const vault = useVault();
  const folder = freshFolder();
  /** Runs commands of the page with bash in the checkout, and returns what they print. */
  const play = async (...commands: readonly string[]): Promise<string> => {
    const script = [page.define, `FILE=${join(folder, 'vault.backup')}`, ...commands]
      .join('\n')
      .replaceAll('.local/data', vault.dataDir)
      .replaceAll('/media/safe', folder)
      .replaceAll('vault.log', join(folder, 'vault.log'));
    return (await promisify(execFile)('bash', ['-euc', script])).stdout;
  };

  it('brings npm start back to its backup, without the value that was destroyed later', async () => {
    const [kept, gone] = [await vault.create('kept', freshName('KEPT')), freshName('GONE')];
    await vault.create('one', gone);
    await vault.ask('PUT', `/v1/secrets/${gone}`, { value: 'two' });
    await play(`install -m 0600 .local/data/kms.json /media/safe/kms.json`, page.backUp[0] ?? '');
    await vault.ask('DELETE', `/v1/secrets/${gone}/versions/1`);
    await vault.ask('PUT', `/v1/secrets/${kept}`, { value: 'later' });
    await vault.kill9();

    const told = await play(`${page.log} > vault.log`, `${page.preview} || true`);
    expect(told).toMatch(/^In all: 1 version, 1 destroyed value\.$/m);
    await play(...page.empty);
    const [restore = '', verify = '', redo = ''] = page.restore;
    expect(await play(restore)).toMatch(/ holds what the backup holds:$/m);
    expect(await play(verify)).toBe('verified the whole table: no violations\n');
    expect(await play(redo)).toMatch(/^1 version destroyed again$/m);

    await vault.restart();
    const ask = (path: string) =>
      vault.call('GET', `/v1/secrets/${path}`, { token: vault.token() });
    expect((await ask(kept)).json).toMatchObject({ version: 1, value: 'kept' });
    expect((await ask(gone)).json).toMatchObject({ version: 2, value: 'two' });
    expect((await ask(`${gone}?version=1`)).status).toBe(410);
  });
});
