/**
 * `npm run bench -- scale` and `growth` fill their stores past the vault. Their figures count only if the vault could
 * have written what is there. A filled store also shows what a verification of a large table costs.
 */
import { DeleteItemCommand, ScanCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createFill } from '../../bench/fill.ts';
import { batchSecrets, fillWith, secretOf, versionsEach } from '../../bench/growth/filling.ts';
import { times } from '../../bench/operations.ts';
import { type Item, secretPartition, versionSortKey } from '../../functions/dynamodb/items.ts';
import { getSecret } from '../../functions/vault/get-secret.ts';
import { answerWith } from '../../local/kms/embedded-kms.ts';
import { followMasterKey, identityIn, masterKeyFile } from '../../local/kms/key-file.ts';
import { unwrapHere } from '../../local/verify/opening.ts';
import { startUnchecked } from '../support/embedded.ts';
import { bytes, requestContext, someone } from '../support/requests.ts';
import { addVersion, historyOf, makeSecret } from '../support/secrets.ts';
import { vaultOver } from '../support/vault.ts';
import { violationsOf } from '../support/violations.ts';

type Vault = Awaited<ReturnType<typeof startUnchecked>>;

/** Verifies the whole table, and counts what that takes. */
const verify = async ({ dynamodb, kms, folder, keyArn, vaultId, tableName }: Vault) => {
  const calls: string[] = [];
  dynamodb.middlewareStack.add(
    (next, context) => (args) => {
      calls.push(String(context['commandName']));
      return next(args);
    },
    { step: 'initialize', name: 'calls' },
  );
  const file = masterKeyFile(folder, {});
  const unwrap = unwrapHere(answerWith(followMasterKey(file, identityIn(file))), keyArn);
  let unwraps = 0;
  const violations = await violationsOf({
    ...{ dynamodb, kms, vaultId, tableName, masterKeyId: keyArn },
    unwrap: (...args) => {
      unwraps += 1;
      return unwrap(...args);
    },
  });
  dynamodb.middlewareStack.remove('calls');
  return { violations, calls, unwraps };
};

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
    expect((await verify(vault)).violations).toEqual([]);
  });
});

describe('a store that the bench fills with many secrets', () => {
  let vault: Vault;
  beforeAll(async () => {
    vault = await startUnchecked();
  });
  afterAll(() => vault.close());

  const batches = 14;
  const fillUpTo = (count: number) => fillWith(vault, count * batchSecrets, 2, () => undefined);
  const itemsOf = async (name: string): Promise<readonly Item[]> => {
    const { Items = [] } = await vault.dynamodb.send(
      new ScanCommand({ TableName: vault.tableName }),
    );
    return Items.filter(({ pk }) => pk?.S?.endsWith(`#SECRET#${name}`));
  };
  /** The names, types and lengths of all attributes: what is left of items if their texts and bytes are not compared. */
  const shapeOf = (items: readonly Item[]) =>
    items.map((item) =>
      Object.entries(item)
        .map(([name, { S, N, B }]) => `${name} ${S?.length ?? N} ${B?.length}`)
        .sort(),
    );

  it('continues from where an interrupted filling ended, gaps and all', async () => {
    const { tenant } = secretOf(2 * batchSecrets);
    const names = times(batchSecrets, (index) => secretOf(2 * batchSecrets + index).name);
    const filler = createFill(vault, someone({ tenant, subject: 'growth' }));
    expect(await fillUpTo(1)).toBe(batchSecrets);
    await filler.together(names, versionsEach, () => new Uint8Array(256), Date.now() - 10_000);
    expect(await fillUpTo(4)).toBe(2 * batchSecrets);
    expect(await fillUpTo(batches)).toBe((batches - 4) * batchSecrets);
    expect(await fillUpTo(batches)).toBe(0);
  });

  it('holds items of the form that requests write', async () => {
    const { tenant, name } = secretOf(0);
    const written = `W${name.slice(1)}`;
    const caller = someone({ tenant, subject: 'growth' });
    const values = times(versionsEach, () => new Uint8Array(256));
    await makeSecret(vault.ports, caller, written, values);
    expect(shapeOf(await itemsOf(written))).toEqual(shapeOf(await itemsOf(name)));
  });

  it('needs for its verification one pass of bounded pages, and one call to the master key for most versions', async () => {
    const { violations, calls, unwraps } = await verify(vault);
    const versions = (batches * batchSecrets + 1) * versionsEach;
    expect([violations, versions]).toEqual([[], 1_053]);
    expect(calls).toEqual(['DescribeTableCommand', 'ScanCommand', 'ScanCommand']);
    // The first thousand are also tried in three other contexts.
    expect(unwraps).toBe(versions + 3 * 1_000);
  });

  it('lets a fault be read again before the scan ends, because it is verified secret by secret', async () => {
    const { Items = [] } = await vault.dynamodb.send(
      new ScanCommand({ TableName: vault.tableName, Limit: 1 }),
    );
    const pk = Items[0]?.['pk'] ?? { S: secretPartition('growth-0', 'NONE') };
    const Key = { pk, sk: { S: versionSortKey(1) } };
    await vault.dynamodb.send(new DeleteItemCommand({ TableName: vault.tableName, Key }));
    const { violations, calls } = await verify(vault);
    const problem = 'is version 3, but version 1 is missing';
    expect(violations).toEqual([{ pk: pk.S, sk: 'HEAD', problem }]);
    const scans = ['ScanCommand', ...times(3, () => 'QueryCommand'), 'ScanCommand'];
    expect(calls).toEqual(['DescribeTableCommand', ...scans]);
  });
});
