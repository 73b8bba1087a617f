/**
 * Holds the vault to test/support/costs.ts: the calls and units of each operation, as the embedded store counts them.
 * A test fails if a number rises, and also if it falls and the table still has the old one.
 */

import { ScanCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { fingerprint } from '../../functions/crypto/fingerprint.ts';
import { handler as getHealth } from '../../functions/get-health.ts';
import type { Principal } from '../../functions/model/types.ts';
import { machineClock } from '../../functions/runtime/machine.ts';
import { createSecret } from '../../functions/vault/create-secret.ts';
import {
  encryptEnv,
  expandEnv,
  type FileRequest,
  submitEnv,
} from '../../functions/vault/env-file.ts';
import { getSecret } from '../../functions/vault/get-secret.ts';
import { getStatus } from '../../functions/vault/get-status.ts';
import { listSecrets } from '../../functions/vault/list-secrets.ts';
import { listVersions } from '../../functions/vault/list-versions.ts';
import { updateSecret } from '../../functions/vault/update-secret.ts';
import { readTemplate } from '../../local/host/template.ts';
import { type Cost, costSizes, costs, envCost, getAtCost, keptBytes } from '../support/costs.ts';
import { type Embedded, startEmbedded, tableName } from '../support/embedded.ts';
import { file } from '../support/env-vault.ts';
import { bytes, requestContext, someone } from '../support/requests.ts';
import { makeSecret } from '../support/secrets.ts';

// At the end the test reads all stored items again, perhaps on a busy machine.
jest.setTimeout(60_000);

describe('operation costs:', () => {
  let vault: Embedded;
  beforeAll(async () => {
    vault = await startEmbedded();
  });
  afterAll(() => vault.close());

  type Context = ReturnType<typeof requestContext>;
  /** The cost of an operation, whether it succeeded or was refused. */
  const costOf = async (operation: (context: Context) => Promise<unknown>): Promise<Cost> => {
    const context = requestContext();
    await operation(context).catch(() => {});
    const { storeCalls, kmsCalls, readUnits, writeUnits } = context.journal;
    return {
      store: storeCalls.toSorted(),
      kms: kmsCalls.toSorted(),
      reads: readUnits(),
      writes: writeUnits(),
    };
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
  const versionsPage = (principal: Principal, includeValues: boolean) =>
    costOf((context) =>
      listVersions(vault.ports)(context, principal, {
        name: 'DB',
        order: 'desc',
        limit: costSizes.listedVersions,
        after: undefined,
        includeValues,
      }),
    );
  const values = (count: number) => Array.from({ length: count }, () => value);
  const namesOf = (prefix: string, count: number) =>
    Array.from({ length: count }, (_, index) => `${prefix}${index}`);
  const makeSecrets = async (principal: Principal, names: readonly string[]) => {
    for (const name of names) await makeSecret(vault.ports, principal, name, [value]);
  };

  it('the table covers every operation of the template', async () => {
    const { routes } = await readTemplate('template.yaml');
    const known = new Set(Object.keys(costs).map((name) => name.split(/[ ,]/)[0]));
    expect(routes.map(({ operation }) => operation).sort()).toEqual([...known].sort());
  });

  it('a create makes one conditional put', async () => {
    expect(await create(someone(), 'DB')).toEqual(costs['create-secret']);
  });

  it('a keyed create reads its record while it gets the data key, then makes one transaction', async () => {
    expect(await create(someone(), 'DB', true)).toEqual(costs['create-secret, keyed']);
  });

  it('a repeated or refused keyed create writes nothing', async () => {
    const alice = someone();
    await create(alice, 'DB', true);
    const asked = { kms: ['GenerateDataKey'], reads: 1, writes: 0 };
    expect(await create(alice, 'DB', true)).toEqual({ ...asked, store: ['GetItem'] });
    expect(await create(alice, 'DB')).toEqual({ ...asked, store: ['PutItem'], reads: 0 });
  });

  it('an update makes one read and one transaction', async () => {
    const alice = someone();
    await makeSecret(vault.ports, alice, 'DB', [value]);
    expect(await update(alice, 'DB')).toEqual(costs['update-secret']);
  });

  it('a keyed update adds its record to the read and to the transaction', async () => {
    const alice = someone();
    await makeSecret(vault.ports, alice, 'DB', [value]);
    expect(await update(alice, 'DB', true)).toEqual(costs['update-secret, keyed']);
  });

  it('getting the latest version makes one read', async () => {
    const alice = someone();
    await makeSecret(vault.ports, alice, 'DB', [value, value]);
    expect(await get(alice, 'DB')).toEqual(costs['get-secret']);
  });

  it('getting a version reads the head, the version and its successor concurrently', async () => {
    const alice = someone();
    await makeSecret(vault.ports, alice, 'DB', [value, value, value, value]);
    for (const version of [1, 2, 3, 4]) {
      expect(await get(alice, 'DB', { version })).toEqual(costs['get-secret by version']);
    }
  });

  it('getting the version at an instant makes at most 1 + ⌈log2 n⌉ reads', async () => {
    const alice = someone();
    const began = Date.now() - 100_000;
    await makeSecret(vault.ports, alice, 'DB', values(costSizes.versions), began);
    const found: Cost[] = [];
    for (let version = 1; version <= costSizes.versions; version += 1) {
      found.push(await get(alice, 'DB', { at: began + (version - 1) * 1000 }));
    }
    for (const { store, reads } of found) expect(reads).toBe(store.length);
    const dearest = found.reduce((most, cost) => (cost.reads > most.reads ? cost : most));
    expect(dearest).toEqual(costs['get-secret at an instant']);
    expect(found.at(-1)).toEqual(getAtCost(1));
  });

  it('a missing secret costs one read and no KMS call', async () => {
    expect(await get(someone(), 'DB')).toEqual(costs['get-secret, not found']);
  });

  it('a page of versions costs one read of the head, one query and no KMS call', async () => {
    const alice = someone();
    await makeSecret(vault.ports, alice, 'DB', values(costSizes.listedVersions + 1));
    expect(await versionsPage(alice, false)).toEqual(costs['list-versions']);
    expect(await versionsPage(alice, true)).toEqual(costs['list-versions with values']);
  });

  it('a page of names makes one query of the index', async () => {
    const alice = someone();
    await makeSecrets(alice, namesOf('LISTED_NAME_', costSizes.listedNames));
    const page = { prefix: '', after: undefined, limit: costSizes.listedNames };
    const cost = await costOf((context) => listSecrets(vault.ports)(context, alice, page));
    expect(cost).toEqual(costs['list-secrets']);
  });

  it('the status probes the table and the key once, and nothing when asked again at once', async () => {
    const status = getStatus(vault.ports, machineClock);
    expect(await costOf((context) => status(context, someone()))).toEqual(costs['get-status']);
    expect(await costOf((context) => status(context, someone()))).toEqual(costs['get-health']);
  });

  it('the health check calls no service, by its own log line', async () => {
    const stdout = jest.spyOn(process.stdout, 'write').mockReturnValue(true);
    await getHealth({}, { awsRequestId: 'the-id' });
    const lines = stdout.mock.calls
      .map(([text]) => text)
      .join('')
      .split('\n');
    stdout.mockRestore();
    expect(JSON.parse(lines.find((line) => line.includes('the-id')) ?? '')).toMatchObject({
      storeCalls: 0,
      kmsCalls: 0,
      units: 0,
    });
  });

  describe('.env file costs:', () => {
    const linesOf = (created: readonly string[], read: readonly string[] = []) =>
      [
        ...created.map((name) => `${name}=1\nX_${name}=enc(${name})\n`),
        ...read.map((name) => `Y_${name}=secret(${name})\n`),
      ].join('');
    type More = Parameters<typeof file>[1];
    const costOfFile =
      (operation: typeof submitEnv | typeof encryptEnv | typeof expandEnv) =>
      (principal: Principal, content: string, more: More = {}) =>
        costOf((context) =>
          operation(vault.ports)(context, principal, file(content, more) as FileRequest),
        );
    const [encrypt, expand, submit] = [encryptEnv, expandEnv, submitEnv].map(costOfFile) as [
      ReturnType<typeof costOfFile>,
      ReturnType<typeof costOfFile>,
      ReturnType<typeof costOfFile>,
    ];
    const keyed = (principal: Principal) => ({
      fingerprint: fingerprint(key, principal, ['submit-env']),
    });

    it('three new names take one transaction, with two units and one of the index for each name', async () => {
      const cost = await encrypt(someone(), linesOf(['A', 'B', 'C']));
      expect(cost).toEqual(envCost({ created: 3 }));
      expect(cost).toMatchObject({ store: ['TransactWriteItems'], reads: 0, writes: 6 + 3 });
    });

    it('one new name takes one conditional put, like a create', async () => {
      expect(await encrypt(someone(), linesOf(['A']))).toEqual(costs['create-secret']);
    });

    it('forty names, new, read or mixed, cost what the table says', async () => {
      const [alice, known] = [someone(), namesOf('K', 40)];
      await makeSecrets(alice, known);
      const [created, more] = [namesOf('N', 40), namesOf('M', 20)];
      expect(await encrypt(alice, linesOf(created))).toEqual(costs['encrypt-env of 40 names']);
      expect(await expand(alice, linesOf([], known))).toEqual(costs['expand-env of 40 names']);
      const both = linesOf(more, known.slice(0, 20));
      expect(await submit(alice, both, keyed(alice))).toEqual(
        costs['submit-env of 20 new names and 20 known, keyed'],
      );
    });

    it('three new names and two read names, keyed, take one read and one write of all of them', async () => {
      const alice = someone();
      await makeSecrets(alice, ['P', 'Q']);
      const content = linesOf(['A', 'B', 'C'], ['P', 'Q']);
      const cost = await submit(alice, content, keyed(alice));
      expect(cost).toEqual(envCost({ created: 3, read: 2, recordKb: 1 }));
      // The record once; two names read; record, three puts and two checks at two units each; the index.
      expect(cost).toMatchObject({ reads: 1 + 2 * 2, writes: 2 * (1 + 3 + 2) + 3 });
    });

    it('two read names and no new one, keyed, read the record and put it without any check', async () => {
      const alice = someone();
      await makeSecrets(alice, ['P', 'Q']);
      const cost = await submit(alice, linesOf([], ['P', 'Q']), keyed(alice));
      expect(cost).toEqual(envCost({ read: 2, recordKb: 1 }));
      expect(cost).toMatchObject({ reads: 1 + 2 * 2, writes: 2 });
    });

    it('a dry run reads all names, asks for the keys and writes nothing', async () => {
      const alice = someone();
      await makeSecrets(alice, ['P', 'Q']);
      const content = linesOf(['A', 'B', 'C'], ['P', 'Q']);
      expect(await submit(alice, content, { dryRun: true })).toEqual({
        store: ['TransactGetItems'],
        kms: envCost({ created: 3, read: 2 }).kms,
        reads: 2 * 5,
        writes: 0,
      });
    });

    it('a file that only reads takes one transaction', async () => {
      const alice = someone();
      await makeSecrets(alice, ['P', 'Q']);
      const cost = await expand(alice, linesOf([], ['P', 'Q']));
      expect(cost).toEqual(envCost({ read: 2 }));
      expect(cost).toMatchObject({ store: ['TransactGetItems'], reads: 4, writes: 0 });
    });

    it('a file with missing names costs two reads and no KMS call', async () => {
      const cost = await expand(someone(), linesOf([], ['P']));
      expect(cost).toEqual({
        store: ['TransactGetItems', 'TransactGetItems'],
        kms: [],
        reads: 2 + 2,
        writes: 0,
      });
    });

    it('pins take one transaction for the distinct names and one read for each superseded version', async () => {
      const alice = someone();
      await makeSecret(vault.ports, alice, 'P', [value]);
      await makeSecret(vault.ports, alice, 'Q', [value, value, value]);
      const content = 'V=secret(P)\nW=secret(Q)secret(Q@1)secret(Q@2)secret(Q@3)secret(Q@1)\n';
      const cost = await expand(alice, content);
      // P, Q, Q@1, Q@2 and Q@3. Q@3 is the head.
      expect(cost).toEqual(envCost({ read: 2, superseded: 2, checked: 3 }));
      expect(cost).toMatchObject({ reads: 2 * 2 + 2 });
      expect(await expand(alice, 'V=secret(Q@4)\n')).toEqual({
        store: ['TransactGetItems', 'TransactGetItems'],
        kms: [],
        reads: 4,
        writes: 0,
      });
    });

    it('a file that asks for its pinned form costs no more than one that does not', async () => {
      const alice = someone();
      await makeSecret(vault.ports, alice, 'P', [value, value]);
      expect(await expand(alice, linesOf([], ['P']), { pin: true })).toEqual(envCost({ read: 1 }));
    });

    it('one new name beside a pinned one adds no condition on the pinned version, which never changes', async () => {
      const alice = someone();
      await makeSecret(vault.ports, alice, 'Q', [value, value]);
      const cost = await submit(alice, `${linesOf(['A'])}V=secret(Q@1)\n`);
      expect(cost).toEqual(envCost({ created: 1, read: 1, superseded: 1, checked: 0 }));
      expect(cost.store).toEqual(['GetItem', 'PutItem', 'TransactGetItems']);
    });

    it('a file as of an instant takes one transaction and at most ⌈log2 n⌉ reads for each name', async () => {
      const alice = someone();
      const began = Date.now() - 100_000;
      const { versions } = costSizes;
      await makeSecret(vault.ports, alice, 'P', values(versions), began);
      await makeSecret(vault.ports, alice, 'Q', values(versions), began);
      const found: Cost[] = [];
      for (let second = 0; second < versions; second += 1) {
        found.push(await expand(alice, linesOf([], ['P', 'Q']), { at: began + second * 1_000 }));
      }
      const most = 2 * Math.ceil(Math.log2(versions));
      expect(Math.max(...found.map(({ store }) => store.length))).toBe(1 + most);
      for (const { store, kms, reads, writes } of found) {
        const single = store.filter((call) => call === 'GetItem').length;
        expect(store).toEqual(envCost({ read: 2, superseded: single }).store);
        expect({ kms: kms.length, reads, writes }).toEqual({
          kms: 2,
          reads: 2 * 2 + single,
          writes: 0,
        });
      }
      expect(found.at(-1)).toEqual(envCost({ read: 2 }));
    });
  });

  it.each([
    [
      'usual',
      { tenant: 't'.repeat(16), subject: 's'.repeat(16), name: 'N'.repeat(16) },
      keptBytes.usual,
    ],
    [
      'largest',
      { tenant: 't'.repeat(64), subject: 's'.repeat(256), name: 'N'.repeat(128) },
      keptBytes.largest,
    ],
  ])(
    'keeping a secret with %s names takes its value and at most the documented overhead',
    async (_, of, most) => {
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
      // DynamoDB counts names and texts in UTF-8, and two bytes for a number with so few digits. A wrapped
      // data key and an ARN of AWS are longer than those of the embedded KMS.
      const ofAws: Record<string, number> = { wrappedDataKey: 184, masterKeyId: 80 };
      const size = Object.entries(item).reduce((sum, [attribute, { S, N, B }]) => {
        const bytesOfValue = N === undefined ? (S ?? B ?? '').length : 2;
        return sum + attribute.length + (ofAws[attribute] ?? bytesOfValue);
      }, 0);
      expect(size).toBeGreaterThan(most - 40);
      expect(size).toBeLessThanOrEqual(most);
    },
  );
});
