/**
 * The cost table of docs/design/storage.md: the calls and units of each operation, measured. Read
 * units and write units are summed, as DynamoDB bills the embedded store's answers tell them.
 */

import { ScanCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { fingerprint } from '../../functions/crypto/fingerprint.ts';
import type { Principal } from '../../functions/model/types.ts';
import { createSecret } from '../../functions/vault/create-secret.ts';
import { encryptEnv } from '../../functions/vault/encrypt-env.ts';
import { expandEnv } from '../../functions/vault/expand-env.ts';
import { getSecret } from '../../functions/vault/get-secret.ts';
import { listVersions } from '../../functions/vault/list-versions.ts';
import { submitEnv } from '../../functions/vault/submit-env.ts';
import { updateSecret } from '../../functions/vault/update-secret.ts';
import { type Embedded, startEmbedded, tableName } from '../support/embedded.ts';
import { bytes, requestContext, someone } from '../support/requests.ts';
import { makeSecret } from '../support/secrets.ts';

describe('the cost of', () => {
  let vault: Embedded;
  beforeAll(async () => {
    vault = await startEmbedded();
  });
  afterAll(() => vault.close());

  type Context = ReturnType<typeof requestContext>;
  /** What an operation cost, whether it succeeded or was refused. */
  const costOf = async (operation: (context: Context) => Promise<unknown>) => {
    const context = requestContext();
    await operation(context).catch(() => {});
    const { storeCalls, kmsCalls, units } = context.journal;
    return { store: storeCalls, kms: kmsCalls, units: units() };
  };
  const value = bytes('x'.repeat(256));
  const key = 'k'.repeat(20);
  const create = (principal: Principal, name: string, keyed = false) =>
    costOf((context) =>
      createSecret(vault.ports)(context, principal, {
        name,
        value,
        fingerprint: keyed ? fingerprint(key, principal, ['create-secret', name]) : undefined,
      }),
    );
  const update = (principal: Principal, name: string, keyed = false) =>
    costOf((context) =>
      updateSecret(vault.ports)(context, principal, {
        name,
        value,
        ifMatch: undefined,
        fingerprint: keyed ? fingerprint(key, principal, ['update-secret', name]) : undefined,
      }),
    );
  const get = (
    principal: Principal,
    name: string,
    which: 'latest' | { version: number } | { at: number } = 'latest',
  ) => costOf((context) => getSecret(vault.ports)(context, principal, { name, which }));

  it('a create: one conditional put', async () => {
    expect(await create(someone(), 'DB')).toEqual({
      store: ['PutItem'],
      kms: ['GenerateDataKey'],
      units: 2,
    });
  });

  it('a keyed create: the record read beside the data key, one transaction', async () => {
    expect(await create(someone(), 'DB', true)).toEqual({
      store: ['GetItem', 'TransactWriteItems'],
      kms: ['GenerateDataKey'],
      units: 1 + 4 + 1,
    });
  });

  it('an update: one read, one transaction', async () => {
    const alice = someone();
    await makeSecret(vault.ports, alice, 'DB', [value]);
    expect(await update(alice, 'DB')).toEqual({
      store: ['GetItem', 'TransactWriteItems'],
      kms: ['GenerateDataKey'],
      units: 1 + 4,
    });
  });

  it('a keyed update: the record read and put with it', async () => {
    const alice = someone();
    await makeSecret(vault.ports, alice, 'DB', [value]);
    expect(await update(alice, 'DB', true)).toEqual({
      store: ['GetItem', 'GetItem', 'TransactWriteItems'],
      kms: ['GenerateDataKey'],
      units: 2 + 6,
    });
  });

  it('getting the latest: one read', async () => {
    const alice = someone();
    await makeSecret(vault.ports, alice, 'DB', [value, value]);
    expect(await get(alice, 'DB')).toEqual({ store: ['GetItem'], kms: ['Decrypt'], units: 1 });
  });

  it('getting a version: head, version and its successor beside each other', async () => {
    const alice = someone();
    await makeSecret(vault.ports, alice, 'DB', [value, value, value, value]);
    for (const version of [1, 2, 3, 4]) {
      expect(await get(alice, 'DB', { version })).toEqual({
        store: ['GetItem', 'GetItem', 'GetItem'],
        kms: ['Decrypt'],
        units: 3,
      });
    }
  });

  it('getting what was valid at an instant: at most 1 + ⌈log2 n⌉ reads', async () => {
    const alice = someone();
    const began = Date.now() - 100_000;
    await makeSecret(
      vault.ports,
      alice,
      'DB',
      Array.from({ length: 17 }, () => value),
      began,
    );
    for (let version = 1; version <= 17; version += 1) {
      const { store, units } = await get(alice, 'DB', { at: began + (version - 1) * 1000 });
      expect(store.length).toBeLessThanOrEqual(1 + Math.ceil(Math.log2(17)));
      expect(units).toBe(store.length);
    }
  });

  it('not finding: one read, and KMS is not asked', async () => {
    expect(await get(someone(), 'DB')).toEqual({ store: ['GetItem'], kms: [], units: 1 });
  });

  it('a page of versions: the head and one query, and KMS is not asked', async () => {
    const alice = someone();
    await makeSecret(vault.ports, alice, 'DB', [value, value, value]);
    const cost = await costOf((context) =>
      listVersions(vault.ports)(context, alice, {
        name: 'DB',
        order: 'desc',
        limit: 50,
        after: undefined,
        includeValues: false,
      }),
    );
    expect(cost).toMatchObject({ store: ['GetItem', 'Query'], kms: [] });
  });

  describe('a .env file', () => {
    const file = {
      values: new Map(),
      dialect: 'shell',
      dryRun: false,
      reply: 'json',
      at: undefined,
      pin: false,
    } as const;
    const newNames = 'A=1\nX=enc(A)\nB=2\nY=enc(B)\nC=3\nZ=enc(C)\n';

    it('with three new names: one transaction, of two units and one of the index each', async () => {
      const cost = await costOf((context) =>
        encryptEnv(vault.ports)(context, someone(), {
          ...file,
          content: newNames,
          fingerprint: undefined,
        }),
      );
      expect(cost).toEqual({
        store: ['TransactWriteItems'],
        kms: ['GenerateDataKey', 'GenerateDataKey', 'GenerateDataKey'],
        units: 6 + 3,
      });
    });

    it('with three new names and two read, keyed: one read and one write of all of them', async () => {
      const alice = someone();
      await makeSecret(vault.ports, alice, 'P', [value]);
      await makeSecret(vault.ports, alice, 'Q', [value]);
      const cost = await costOf((context) =>
        submitEnv(vault.ports)(context, alice, {
          ...file,
          content: `${newNames}V=secret(P)\nW=secret(Q)\n`,
          fingerprint: fingerprint(key, alice, ['submit-env']),
        }),
      );
      expect(cost.store.toSorted()).toEqual(['GetItem', 'TransactGetItems', 'TransactWriteItems']);
      expect(cost.kms).toHaveLength(5);
      // The record once; two names read; record, three puts and two checks at two each; the index.
      expect(cost.units).toBe(1 + 2 * 2 + 2 * (1 + 3 + 2) + 3);
    });

    it('that only reads: one transaction', async () => {
      const alice = someone();
      await makeSecret(vault.ports, alice, 'P', [value]);
      await makeSecret(vault.ports, alice, 'Q', [value]);
      const cost = await costOf((context) =>
        expandEnv(vault.ports)(context, alice, { ...file, content: 'V=secret(P)\nW=secret(Q)\n' }),
      );
      expect(cost).toEqual({
        store: ['TransactGetItems'],
        kms: ['Decrypt', 'Decrypt'],
        units: 4,
      });
    });

    it('that names what is not there: a read and a report, and KMS is not asked', async () => {
      const cost = await costOf((context) =>
        expandEnv(vault.ports)(context, someone(), { ...file, content: 'V=secret(P)\n' }),
      );
      expect(cost).toMatchObject({ store: ['TransactGetItems', 'TransactGetItems'], kms: [] });
    });

    const expanding = (principal: Principal, content: string, more = {}) =>
      costOf((context) =>
        expandEnv(vault.ports)(context, principal, { ...file, content, ...more }),
      );

    it('with pins: one transaction for the distinct names, and a read for each superseded version', async () => {
      const alice = someone();
      await makeSecret(vault.ports, alice, 'P', [value]);
      await makeSecret(vault.ports, alice, 'Q', [value, value, value]);
      const content = 'V=secret(P)\nW=secret(Q)secret(Q@1)secret(Q@2)secret(Q@3)secret(Q@1)\n';
      expect(await expanding(alice, content)).toEqual({
        store: ['TransactGetItems', 'GetItem', 'GetItem'],
        kms: ['Decrypt', 'Decrypt', 'Decrypt', 'Decrypt', 'Decrypt'],
        units: 2 * 2 + 2,
      });
      expect(await expanding(alice, 'V=secret(Q@4)\n')).toMatchObject({
        store: ['TransactGetItems', 'TransactGetItems'],
        kms: [],
      });
    });

    it('to be pinned: no more than without', async () => {
      const alice = someone();
      await makeSecret(vault.ports, alice, 'P', [value, value]);
      const cost = { store: ['TransactGetItems'], kms: ['Decrypt'], units: 2 };
      expect(await expanding(alice, 'V=secret(P)\n', { pin: true })).toEqual(cost);
    });

    it('with one new name and a pinned one: no condition on what never changes', async () => {
      const alice = someone();
      await makeSecret(vault.ports, alice, 'Q', [value, value]);
      const content = 'A=1\nX=enc(A)\nV=secret(Q@1)\n';
      const cost = await costOf((context) =>
        submitEnv(vault.ports)(context, alice, { ...file, content, fingerprint: undefined }),
      );
      expect(cost.store).toEqual(['TransactGetItems', 'GetItem', 'PutItem']);
      expect(cost.units).toBe(2 + 1 + 2);
    });

    it('as of an instant: one transaction, and at most ⌈log2 n⌉ reads a name', async () => {
      const alice = someone();
      const began = Date.now() - 100_000;
      const values = Array.from({ length: 17 }, () => value);
      await makeSecret(vault.ports, alice, 'P', values, began);
      await makeSecret(vault.ports, alice, 'Q', values, began);
      const content = 'V=secret(P)\nW=secret(Q)\n';
      for (let second = 0; second < 17; second += 1) {
        const { store, kms, units } = await expanding(alice, content, {
          at: began + second * 1_000,
        });
        const [first, ...reads] = store;
        expect(first).toBe('TransactGetItems');
        expect(reads.length).toBeLessThanOrEqual(2 * Math.ceil(Math.log2(17)));
        expect(new Set(reads).size).toBe(second < 16 ? 1 : 0);
        expect([kms.length, units]).toEqual([2, 2 * 2 + reads.length]);
      }
    });
  });

  it.each([
    ['usual', { tenant: 't'.repeat(16), subject: 's'.repeat(16), name: 'N'.repeat(16) }, 580],
    ['largest', { tenant: 't'.repeat(64), subject: 's'.repeat(256), name: 'N'.repeat(128) }, 1_140],
  ])('keeping a secret of %s names: its value and no more than is told', async (_, of, most) => {
    const { name, ...who } = of;
    const principal = someone(who);
    await makeSecret(vault.ports, principal, name, ['']);
    const { Items } = await vault.dynamodb.send(
      new ScanCommand({
        TableName: tableName,
        FilterExpression: 'tenant = :tenant',
        ExpressionAttributeValues: { ':tenant': { S: principal.tenant } },
      }),
    );
    const [item = {}] = Items ?? [];
    // As DynamoDB counts: names and texts in UTF-8, a number of so few digits two bytes. A wrapped
    // data key and an ARN of AWS are longer than the embedded KMS's.
    const ofAws: Record<string, number> = { wrappedDataKey: 184, masterKeyId: 80 };
    const size = Object.entries(item).reduce((sum, [attribute, { S, N, B }]) => {
      const bytesOfValue = N === undefined ? (S ?? B ?? '').length : 2;
      return sum + attribute.length + (ofAws[attribute] ?? bytesOfValue);
    }, 0);
    expect(size).toBeGreaterThan(most - 40);
    expect(size).toBeLessThanOrEqual(most);
  });
});
