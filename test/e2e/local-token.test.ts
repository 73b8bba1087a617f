/** `npm run token` finds the running vault, whichever program serves it. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { runLocal } from '../support/local-process.ts';
import { type RunningVault, startVault } from '../support/running-vault.ts';

let vault: RunningVault;
beforeAll(async () => {
  vault = await startVault();
});
afterAll(() => vault.stop());

describe('npm run token', () => {
  it('makes a token for the running vault, which accepts it', async () => {
    const args = ['--tenant', 'demo', '--sub', 'you', '--json'];
    const { exit, output, errors } = runLocal('token', args, { VAULT_DATA_DIR: vault.dataDir });
    expect([await exit, errors]).toEqual([0, []]);
    const { url, token } = JSON.parse(output.join(''));
    expect(url).toBe(vault.baseUrl());
    expect(await vault.call('GET', '/v1/secrets', { token })).toMatchObject({ status: 200 });
  });
});
