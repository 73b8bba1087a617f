import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Principal } from '../../functions/model/types.ts';
import { listSecrets } from '../../functions/vault/list-secrets.ts';
import { type Embedded, startEmbedded } from '../support/embedded.ts';
import { requestContext, someone } from '../support/requests.ts';
import { makeSecret } from '../support/secrets.ts';

describe('list-secrets, on the embedded store', () => {
  let vault: Embedded;
  const alice = someone();
  const all = ['A', 'AB', 'ABC', 'B', 'B.C', 'B_C', 'a', 'billing.key', 'billing.url', 'z'];
  beforeAll(async () => {
    vault = await startEmbedded();
    for (const name of all.toReversed()) await makeSecret(vault.ports, alice, name, ['x', 'y']);
    await makeSecret(vault.ports, someone(), 'FOREIGN', ['x']);
  });
  afterAll(() => vault.close());

  const listAll = async (principal: Principal, prefix = '', limit = 100) => {
    const names: string[] = [];
    for (let after: string | undefined; ; ) {
      const page = await listSecrets(vault.ports)(requestContext(), principal, {
        prefix,
        after,
        limit,
      });
      expect(page.names.length).toBeLessThanOrEqual(limit);
      names.push(...page.names);
      if (page.next === undefined) return names;
      after = page.next;
    }
  };

  it('lists each name of the tenant once, in order, and none of another tenant', async () => {
    expect(await listAll(alice)).toEqual(all.toSorted());
  });

  it.each([1, 2, 3, 9, 10, 11])(
    'loses and repeats nothing with pages of %d names',
    async (limit) => {
      expect(await listAll(alice, '', limit)).toEqual(all.toSorted());
      expect(await listAll(alice, 'B', limit)).toEqual(['B', 'B.C', 'B_C']);
    },
  );

  it.each([
    [[], []],
    [['AB'], ['AB']],
    [['A*'], ['A', 'AB', 'ABC']],
    [
      ['A*', 'AB', 'AB*', 'z', 'NOWHERE'],
      ['A', 'AB', 'ABC', 'z'],
    ],
    [
      ['billing.*', 'B'],
      ['B', 'billing.key', 'billing.url'],
    ],
    [['*', 'A'], all.toSorted()],
  ])('shows a token with the names %j only %j', async (names, expected) => {
    for (const limit of [1, 2, 100]) {
      expect(await listAll({ ...alice, names }, '', limit)).toEqual(expected);
    }
  });

  it('reads nothing outside the names that the token and the prefix allow', async () => {
    expect(await listAll({ ...alice, names: ['A*', 'billing.*'] }, 'AB')).toEqual(['AB', 'ABC']);
    const context = requestContext();
    const range = { prefix: 'B', after: undefined, limit: 100 };
    await listSecrets(vault.ports)(context, { ...alice, names: ['A*'] }, range);
    expect(context.journal.storeCalls).toEqual([]);
  });
});
