/**
 * `npm run bench -- scale` fills its stores past the vault. Their figures count only if the vault could have written
 * them.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createFill, type Vault } from '../../bench/scale/fill.ts';
import { getSecret } from '../../functions/vault/get-secret.ts';
import { checkVault } from '../../local/verify/vault.ts';
import { startUnchecked, tableName } from '../support/embedded.ts';
import { bytes, requestContext, someone, vaultId } from '../support/requests.ts';
import { addVersion, historyOf } from '../support/secrets.ts';
import { vaultOver } from '../support/vault.ts';

describe('a store that was filled past the vault', () => {
  let vault: Vault;
  beforeAll(async () => {
    vault = await startUnchecked();
  });
  afterAll(() => vault.close());

  it('can be read, continued and verified by the vault', async () => {
    const alice = someone();
    const fill = createFill(vault, alice);
    const from = Date.now() - 100_000;
    await fill.secrets(['A', 'B'], bytes('the-value'));
    await fill.versions('C', 5, bytes('the-value'), from);
    for (const [name, which] of [
      ['A', 'latest'],
      ['C', { version: 2 }],
      ['C', { at: from + 3_500 }],
    ] as const) {
      const { value } = await getSecret(vault.ports)(requestContext(), alice, { name, which });
      expect(Buffer.from(value ?? []).toString()).toBe('the-value');
    }
    await addVersion(vault.ports, alice, 'C', 'another');
    const history = await historyOf(vault.ports, alice, 'C');
    expect(history.map(({ version }) => version)).toEqual([1, 2, 3, 4, 5, 6]);
    const { delete: remove, create, destroy } = vaultOver(vault.ports);
    await destroy(alice, 'C', 2);
    await remove(alice, 'C');
    expect((await create(alice, 'C', 'again')).version.version).toBe(8);
    const { dynamodb, kms, keyArn: masterKeyId } = vault;
    expect(await checkVault({ dynamodb, kms, vaultId, tableName, masterKeyId })).toEqual([]);
  });
});
