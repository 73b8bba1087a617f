/** These tests show what `npm run inspect` tells a person of the life of a secret. */
import { expect, it } from '@jest/globals';
import { runLocal } from '../support/local-process.ts';
import { describeLocal, freshName, useVault } from '../support/running-vault.ts';

describeLocal('npm run inspect', () => {
  const vault = useVault();

  it('shows states, notes and destructions in plain lines, also of a deleted secret', async () => {
    const name = freshName();
    const path = `/v1/secrets/${name}`;
    await vault.ask('POST', '/v1/secrets', { name, value: 'one' });
    await vault.ask('PUT', path, { value: 'two', note: 'rotated é' });
    await vault.ask('DELETE', path, { note: 'not used' });
    const destroyed = await vault.ask('DELETE', `${path}/versions/1`);
    expect(destroyed.status).toBe(200);
    const { destroyedAt } = JSON.parse(destroyed.text) as { readonly destroyedAt: string };

    const args = ['--secret', name, '--verify'];
    const inspect = runLocal('inspect', args, { VAULT_DATA_DIR: vault.dataDir });
    expect([await inspect.exit, inspect.errors]).toEqual([0, []]);
    const told = /^ {2}(HEAD|VERSION#\d+)|^ {4}(state|note|destroyed\w+): /;
    const lines = inspect.output.filter((line) => told.test(line));
    expect(lines.map((line) => line.trim().replace(/ {2}\[.*$/, ''))).toEqual([
      ...['HEAD', 'note: not used', 'state: deleted'],
      ...['VERSION#0000000002', 'note: rotated é', 'state: stored'],
      ...['VERSION#0000000001', `destroyedAt: ${destroyedAt}`, 'destroyedBy: alice'],
      'state: destroyed',
    ]);
    expect(inspect.output.at(-1)).toBe('verified the whole table: no violations');
  });
});
