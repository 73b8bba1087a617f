import { DeleteItemCommand, GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Principal } from '../../functions/model/types.ts';
import { type ListVersions, listVersions } from '../../functions/vault/list-versions.ts';
import { type Embedded, startEmbedded, tableName } from '../support/embedded.ts';
import { requestContext, someone } from '../support/requests.ts';
import { addVersion, makeSecret } from '../support/secrets.ts';

describe('list-versions, on the embedded store and KMS', () => {
  let vault: Embedded;
  const began = 1_700_000_000_000;
  const seven = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
  beforeAll(async () => {
    vault = await startEmbedded();
  });
  afterAll(() => vault.close());

  const page = (principal: Principal, request: Partial<ListVersions> = {}) =>
    listVersions(vault.ports)(requestContext(), principal, {
      name: 'DB',
      order: 'desc',
      limit: 50,
      after: undefined,
      includeValues: false,
      ...request,
    });
  const pages = async (principal: Principal, request: Partial<ListVersions>) => {
    const numbers: number[][] = [];
    for (let after: number | undefined; numbers.length < 20; ) {
      const { versions, next } = await page(principal, { ...request, after });
      numbers.push(versions.map(({ stored }) => stored.version));
      if (next === undefined) return numbers;
      after = next;
    }
    throw new Error('the list does not end');
  };

  // Shows G4.
  it('lists every version once, newest first, without gaps between their intervals', async () => {
    const alice = someone();
    await makeSecret(vault.ports, alice, 'DB', seven, began);
    const { versions, next } = await page(alice);
    expect(next).toBeUndefined();
    expect(
      versions.map(({ stored }) => [stored.version, stored.validFrom, stored.validTo]),
    ).toEqual(
      [7, 6, 5, 4, 3, 2, 1].map((version) => [
        version,
        began + (version - 1) * 1000,
        version === 7 ? undefined : began + version * 1000,
      ]),
    );
  });

  it('lists all versions in both orders for any page size', async () => {
    const alice = someone();
    await makeSecret(vault.ports, alice, 'DB', seven, began);
    for (const limit of [1, 2, 3, 4, 6, 7, 8]) {
      expect((await pages(alice, { order: 'desc', limit })).flat()).toEqual([7, 6, 5, 4, 3, 2, 1]);
      expect((await pages(alice, { order: 'asc', limit })).flat()).toEqual([1, 2, 3, 4, 5, 6, 7]);
    }
  });

  it('continues at its cursor after new versions were written between two pages', async () => {
    const alice = someone();
    await makeSecret(vault.ports, alice, 'DB', ['a', 'b', 'c', 'd'], began);
    const first = await page(alice, { limit: 2 });
    await addVersion(vault.ports, alice, 'DB', 'e');
    const second = await page(alice, { limit: 2, after: first.next });
    expect(second.versions.map(({ stored }) => stored.version)).toEqual([2, 1]);
  });

  it('returns values only when asked for, and else decrypts nothing', async () => {
    const alice = someone();
    await makeSecret(vault.ports, alice, 'DB', ['a', 'b', 'c'], began);
    const { versions } = await page(alice, { includeValues: true, limit: 10 });
    expect(versions.map(({ value }) => Buffer.from(value ?? '').toString())).toEqual([
      'c',
      'b',
      'a',
    ]);
    const context = requestContext();
    const request = { name: 'DB', order: 'desc', limit: 10, after: undefined } as const;
    await listVersions(vault.ports)(context, alice, { ...request, includeValues: false });
    expect(context.journal.kmsCalls).toEqual([]);
  });

  it('returns an empty page for a cursor beyond either end', async () => {
    const alice = someone();
    await makeSecret(vault.ports, alice, 'DB', ['a', 'b'], began);
    expect(await page(alice, { order: 'asc', after: 9 })).toEqual({ versions: [] });
    expect(await page(alice, { order: 'desc', after: 1 })).toEqual({ versions: [] });
  });

  it('refuses a history with a gap', async () => {
    const alice = someone();
    vault.tampered.add(alice.tenant);
    await makeSecret(vault.ports, alice, 'DB', ['a', 'b', 'c', 'd'], began);
    const pk = { S: `TENANT#${alice.tenant}#SECRET#DB` };
    for (const version of [1, 2]) {
      const Key = { pk, sk: { S: `VERSION#000000000${version}` } };
      await vault.dynamodb.send(new DeleteItemCommand({ TableName: tableName, Key }));
      for (const order of ['asc', 'desc'] as const) {
        await expect(pages(alice, { order, limit: 50 })).rejects.toMatchObject({
          code: 'integrity_failure',
        });
      }
    }
  });

  it('refuses an interval that does not end where the next begins, also at the edge of a page', async () => {
    const alice = someone();
    vault.tampered.add(alice.tenant);
    await makeSecret(vault.ports, alice, 'DB', ['a', 'b', 'c', 'd', 'e'], began);
    const pk = { S: `TENANT#${alice.tenant}#SECRET#DB` };
    const Key = { pk, sk: { S: 'VERSION#0000000002' } };
    const { Item } = await vault.dynamodb.send(new GetItemCommand({ TableName: tableName, Key }));
    const changed = { ...Item, validTo: { S: new Date(began + 1_999).toISOString() } };
    await vault.dynamodb.send(new PutItemCommand({ TableName: tableName, Item: changed }));
    const refused = { code: 'integrity_failure' };
    for (const limit of [1, 2, 50]) {
      await expect(page(alice, { order: 'desc', after: 3, limit })).rejects.toMatchObject(refused);
      await expect(pages(alice, { order: 'asc', limit })).rejects.toMatchObject(refused);
    }
  });

  it('answers not_found alike for foreign, hidden and missing names', async () => {
    const alice = someone();
    await makeSecret(vault.ports, alice, 'DB', ['a'], began);
    for (const principal of [someone(), { ...alice, names: ['X*'] }]) {
      await expect(page(principal)).rejects.toMatchObject({ code: 'not_found' });
    }
    await expect(page(alice, { name: 'NOWHERE' })).rejects.toMatchObject({ code: 'not_found' });
  });
});
