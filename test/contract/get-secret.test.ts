import { DeleteItemCommand, GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Principal } from '../../functions/model/types.ts';
import { type GetSecret, getSecret } from '../../functions/vault/get-secret.ts';
import type { Store } from '../../functions/vault/ports.ts';
import { changedPorts } from '../support/changed-ports.ts';
import { type Embedded, startEmbedded, tableName } from '../support/embedded.ts';
import { requestContext, someone } from '../support/requests.ts';
import { addVersion, makeSecret } from '../support/secrets.ts';

describe('get-secret, on the embedded store and KMS', () => {
  let vault: Embedded;
  const began = 1_700_000_000_000;
  beforeAll(async () => {
    vault = await startEmbedded();
  });
  afterAll(() => vault.close());

  const get = async (principal: Principal, name: string, which: GetSecret['which'] = 'latest') => {
    const found = await getSecret(vault.ports)(requestContext(), principal, { name, which });
    return { ...found, text: Buffer.from(found.value).toString() };
  };
  const key = (principal: Principal, name: string, sk: string) => ({
    pk: { S: `TENANT#${principal.tenant}#SECRET#${name}` },
    sk: { S: sk },
  });

  it('returns the latest version without an end', async () => {
    const alice = someone();
    await makeSecret(vault.ports, alice, 'DB', ['a', 'b'], began);
    const { text, stored } = await get(alice, 'DB');
    expect([text, stored.version, stored.validTo]).toEqual(['b', 2, undefined]);
  });

  it('returns a version by number, with the interval in which it was valid', async () => {
    const alice = someone();
    await makeSecret(vault.ports, alice, 'DB', ['a', 'b', 'c'], began);
    const { text, stored } = await get(alice, 'DB', { version: 2 });
    expect([text, stored.validFrom, stored.validTo]).toEqual(['b', began + 1000, began + 2000]);
    expect((await get(alice, 'DB', { version: 3 })).stored.validTo).toBeUndefined();
    await expect(get(alice, 'DB', { version: 4 })).rejects.toMatchObject({ code: 'not_found' });
  });

  // Shows G4.
  it('returns the version valid at an instant: from validFrom until before validTo', async () => {
    const alice = someone();
    const values = Array.from({ length: 21 }, (_, index) => `v${index + 1}`);
    await makeSecret(vault.ports, alice, 'DB', values, began);
    for (const [index, value] of values.entries()) {
      const from = began + index * 1000;
      expect((await get(alice, 'DB', { at: from })).text).toBe(value);
      expect((await get(alice, 'DB', { at: from + 999 })).text).toBe(value);
    }
    await expect(get(alice, 'DB', { at: began - 1 })).rejects.toMatchObject({ code: 'not_found' });
  });

  it('returns every byte of a value unchanged', async () => {
    const alice = someone();
    const value = Uint8Array.from({ length: 65_536 }, (_, index) => (index * 7) % 256);
    await makeSecret(vault.ports, alice, 'BYTES', [value]);
    await makeSecret(vault.ports, alice, 'EMPTY', ['']);
    expect(Buffer.compare((await get(alice, 'BYTES')).value, value)).toBe(0);
    expect((await get(alice, 'EMPTY')).value).toHaveLength(0);
  });

  // Shows G7.
  it.each(['latest', { version: 1 }, { at: began + 1 }] as const)(
    'answers %j alike for foreign, hidden and missing names, with the same calls',
    async (which) => {
      const alice = someone();
      await makeSecret(vault.ports, alice, 'DB', ['a', 'b'], began);
      const failures = [];
      for (const [principal, name] of [
        [alice, 'NOWHERE'],
        [someone(), 'DB'],
        [{ ...alice, names: ['D', 'DBX', 'X*'] }, 'DB'],
      ] as const) {
        const context = requestContext();
        const error = await getSecret(vault.ports)(context, principal, { name, which }).catch(
          ({ code, message, members }) => ({ code, message, members }),
        );
        const { storeCalls, kmsCalls, units } = context.journal;
        failures.push({ error, storeCalls, kmsCalls, units: units() });
      }
      expect(failures[0]).toMatchObject({ error: { code: 'not_found' }, kmsCalls: [] });
      expect(failures[1]).toEqual(failures[0]);
      expect(failures[2]).toEqual(failures[0]);
    },
  );

  describe('when a version item and the head are read at different instants', () => {
    const racing = async (
      store: (original: Store) => Partial<Store>,
      version: number,
      principal: Principal,
    ) => {
      const ports = changedPorts(vault.ports, { store });
      const request = { name: 'DB', which: { version } };
      return await getSecret(ports)(requestContext(), principal, request);
    };

    it('answers from the version item when both show the version', async () => {
      const alice = someone();
      await makeSecret(vault.ports, alice, 'DB', ['a'], began);
      const early = await vault.ports.store.for(requestContext(), alice).findHead('DB');
      await addVersion(vault.ports, alice, 'DB', 'b', began + 1000);
      // The update still runs: an eventually consistent read does not find it on the head yet.
      const { stored } = await racing(() => ({ findHead: async () => early }), 1, alice);
      expect(stored.validTo).toBe(began + 1000);
    });

    it('reads once more when neither shows the version though the head is above it', async () => {
      const alice = someone();
      await makeSecret(vault.ports, alice, 'DB', ['a', 'b', 'c'], began);
      // The updates still run: an eventually consistent read finds none of their version items yet.
      const late = ({ findVersion }: Store): Partial<Store> => ({
        findVersion: async (name, version, look) =>
          look === 'settled' ? await findVersion(name, version, look) : undefined,
      });
      const { stored } = await racing(late, 1, alice);
      expect([stored.version, stored.validTo]).toEqual([1, began + 1000]);
    });
  });

  describe('over a changed table', () => {
    const change = async (
      principal: Principal,
      sk: string,
      edit: (item: Record<string, never>) => object,
    ) => {
      const { Item } = await vault.dynamodb.send(
        new GetItemCommand({ TableName: tableName, Key: key(principal, 'DB', sk) }),
      );
      const item = edit(Item as Record<string, never>) as typeof Item;
      await vault.dynamodb.send(new PutItemCommand({ TableName: tableName, Item: item }));
    };

    it('refuses an interval that does not end where the next begins', async () => {
      const alice = someone();
      vault.tampered.add(alice.tenant);
      const refused = { code: 'integrity_failure' };
      await makeSecret(vault.ports, alice, 'DB', ['a', 'b', 'c', 'd'], began);
      for (const version of [1, 2, 3]) {
        const sk = `VERSION#000000000${version}`;
        const { stored } = await get(alice, 'DB', { version });
        for (const validTo of [-1, 1, 5_000].map((ms) => (stored.validTo ?? 0) + ms)) {
          await change(alice, sk, (item) => ({
            ...item,
            validTo: { S: new Date(validTo).toISOString() },
          }));
          await expect(get(alice, 'DB', { version })).rejects.toMatchObject(refused);
          await expect(get(alice, 'DB', { at: stored.validFrom })).rejects.toMatchObject(refused);
        }
        await change(alice, sk, (item) => ({
          ...item,
          validTo: { S: new Date(stored.validTo ?? 0).toISOString() },
        }));
        expect(await get(alice, 'DB', { version })).toMatchObject({ stored });
      }
    });

    it('refuses a version item beside a head of the same version', async () => {
      const alice = someone();
      vault.tampered.add(alice.tenant);
      await makeSecret(vault.ports, alice, 'DB', ['a', 'b'], began);
      const { Item } = await vault.dynamodb.send(
        new GetItemCommand({ TableName: tableName, Key: key(alice, 'DB', 'HEAD') }),
      );
      const { tenant: _, name: __, ...sealed } = Item ?? {};
      const validTo = { S: '2024-01-01T00:00:00.000Z' };
      const sk = { S: 'VERSION#0000000002' };
      const planted = { ...sealed, sk, validTo };
      await vault.dynamodb.send(new PutItemCommand({ TableName: tableName, Item: planted }));
      const refused = { code: 'integrity_failure' };
      await expect(get(alice, 'DB', { version: 2 })).rejects.toMatchObject(refused);
    });

    it('refuses a missing version below the head', async () => {
      const alice = someone();
      vault.tampered.add(alice.tenant);
      await makeSecret(vault.ports, alice, 'DB', ['a', 'b', 'c'], began);
      const gone = { TableName: tableName, Key: key(alice, 'DB', 'VERSION#0000000001') };
      await vault.dynamodb.send(new DeleteItemCommand(gone));
      const refused = { code: 'integrity_failure' };
      await expect(get(alice, 'DB', { version: 1 })).rejects.toMatchObject(refused);
      await expect(get(alice, 'DB', { at: began })).rejects.toMatchObject(refused);
      const context = requestContext();
      const request = { name: 'DB', which: { version: 1 } };
      await expect(getSecret(vault.ports)(context, alice, request)).rejects.toMatchObject(refused);
      expect(context.journal.decisions).toEqual([
        { decision: 'integrity_failure', about: { name: 'DB', version: 1 } },
      ]);
    });

    it('refuses a record moved from another secret, and a record with an unknown attribute', async () => {
      const alice = someone();
      vault.tampered.add(alice.tenant);
      await makeSecret(vault.ports, alice, 'DB', ['a'], began);
      await makeSecret(vault.ports, alice, 'OTHER', ['b'], began);
      const { Item } = await vault.dynamodb.send(
        new GetItemCommand({ TableName: tableName, Key: key(alice, 'OTHER', 'HEAD') }),
      );
      await change(alice, 'HEAD', (item) => ({ ...Item, pk: item['pk'], name: item['name'] }));
      // The data key was requested under the other name, so KMS refuses before the envelope can.
      await expect(get(alice, 'DB')).rejects.toMatchObject({ code: 'master_key_incorrect' });
      await change(alice, 'HEAD', (item) => ({ ...item, admin: { BOOL: true } }));
      await expect(get(alice, 'DB')).rejects.toMatchObject({ code: 'integrity_failure' });
    });
  });
});
