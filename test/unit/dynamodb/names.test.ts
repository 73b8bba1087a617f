import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { describe, expect, it } from '@jest/globals';
import { createStore } from '../../../functions/dynamodb/store.ts';
import type { NameRange } from '../../../functions/vault/ports.ts';
import { requestContext, someone, vaultId } from '../../support/requests.ts';

type Asked = {
  readonly ExclusiveStartKey?: { readonly name: { readonly S: string } };
  readonly ExpressionAttributeValues: Readonly<Record<string, { readonly S: string }>>;
};

/** A list of names with an index of `names` that ends a page after two, and the queries to it in order. */
const asking = (names: readonly string[]) => {
  const asked: (readonly [first: string, last: string, startsAfter: string | undefined])[] = [];
  const client = {
    send: async ({ input }: { readonly input: Asked }) => {
      const startsAfter = input.ExclusiveStartKey?.name.S;
      const { ':first': first, ':last': last } = input.ExpressionAttributeValues;
      asked.push([first?.S ?? '', last?.S ?? '', startsAfter]);
      const rest = names.filter((name) => startsAfter === undefined || name > startsAfter);
      const Items = rest.slice(0, 2).map((name) => ({ name: { S: name } }));
      return { Items, ...(rest.length > 2 && { LastEvaluatedKey: Items.at(-1) }) };
    },
  } as unknown as DynamoDBClient;
  const listNames = (range: Omit<NameRange, 'state'>, patterns?: readonly string[]) => {
    const caller = someone({ tenant: 'acme', names: patterns });
    return createStore(client, 'vault', vaultId)
      .for(requestContext(), caller)
      .listNames({ ...range, state: 'stored' });
  };
  return { asked, listNames };
};

describe('a list of names', () => {
  const names = ['DB.A', 'DB.B', 'DB.C', 'DB.D', 'DB.E'];

  it('starts each page where the one before ended, so that no store walks there', async () => {
    const { asked, listNames } = asking(names);
    const range = { prefix: '', after: undefined, limit: 100 };
    expect(await listNames(range)).toEqual({ names, more: false });
    expect(asked).toEqual([
      ['A', '~', undefined],
      ['DB.B', '~', 'DB.B'],
      ['DB.D', '~', 'DB.D'],
    ]);
  });

  it('starts at the name after which it continues', async () => {
    const { asked, listNames } = asking(names);
    const range = { prefix: 'DB.', after: 'DB.C', limit: 100 };
    expect(await listNames(range)).toEqual({
      names: ['DB.D', 'DB.E'],
      more: false,
    });
    expect(asked).toEqual([['DB.C', 'DB.~', 'DB.C']]);
  });

  it('skips a pattern whose only name it has given', async () => {
    const { asked, listNames } = asking([]);
    const range = { prefix: '', after: 'DB', limit: 100 };
    await listNames(range, ['DB', 'X']);
    expect(asked).toEqual([['X', 'X', undefined]]);
  });

  it('reports more while a pattern is left, even if the one before has ended', async () => {
    const { listNames } = asking(['DB.A', 'DB.B']);
    const range = { prefix: '', after: undefined, limit: 2 };
    const page = (...names: string[]) => listNames(range, names);
    expect(await page('DB.*')).toEqual({ names: ['DB.A', 'DB.B'], more: false });
    expect(await page('DB.*', 'X*')).toEqual({ names: ['DB.A', 'DB.B'], more: true });
  });

  it.each([
    ['an invalid name', ['*'], '1-DB'],
    ['a name outside the requested range', ['API*'], 'DB'],
    ['a name next to the requested one', ['DB'], 'DB.A'],
  ])('fails with integrity_failure if the index returns %s', async (_, patterns, name) => {
    const { listNames } = asking([name]);
    const range = { prefix: '', after: undefined, limit: 100 };
    const listed = listNames(range, patterns);
    await expect(listed).rejects.toMatchObject({ code: 'integrity_failure' });
  });

  it('starts a later pattern at its own beginning', async () => {
    const { asked, listNames } = asking([]);
    const range = { prefix: '', after: 'DB.C', limit: 100 };
    await listNames(range, ['A*', 'DB*', 'X*']);
    expect(asked).toEqual([
      ['DB.C', 'DB~', 'DB.C'],
      ['X', 'X~', undefined],
    ]);
  });
});
