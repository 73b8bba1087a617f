import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { describe, expect, it } from '@jest/globals';
import { createListNames } from '../../../functions/dynamodb/names.ts';
import { requestContext, someone } from '../../support/requests.ts';

type Asked = {
  readonly ExclusiveStartKey?: { readonly name: { readonly S: string } };
  readonly ExpressionAttributeValues: Readonly<Record<string, { readonly S: string }>>;
};

/** The list of names over an index of `names` that ends a page after two; what it was asked for, in order. */
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
  return { asked, listNames: createListNames(client, 'vault') };
};

describe('a list of names', () => {
  const alice = someone({ tenant: 'acme' });
  const names = ['DB.A', 'DB.B', 'DB.C', 'DB.D', 'DB.E'];

  it('asks for each page from where the one before ended, so that no store walks there', async () => {
    const { asked, listNames } = asking(names);
    const range = { prefix: '', after: undefined, limit: 100 };
    expect(await listNames(requestContext(), alice, range)).toEqual({ names, more: false });
    expect(asked).toEqual([
      ['A', '~', undefined],
      ['DB.B', '~', 'DB.B'],
      ['DB.D', '~', 'DB.D'],
    ]);
  });

  it('asks for what follows a name from that name', async () => {
    const { asked, listNames } = asking(names);
    const range = { prefix: 'DB.', after: 'DB.C', limit: 100 };
    expect(await listNames(requestContext(), alice, range)).toEqual({
      names: ['DB.D', 'DB.E'],
      more: false,
    });
    expect(asked).toEqual([['DB.C', 'DB.~', 'DB.C']]);
  });

  it('asks for a pattern that lies behind that name from its own beginning', async () => {
    const { asked, listNames } = asking([]);
    const range = { prefix: '', after: 'DB.C', limit: 100 };
    await listNames(requestContext(), { ...alice, names: ['A*', 'DB*', 'X*'] }, range);
    expect(asked).toEqual([
      ['DB.C', 'DB~', 'DB.C'],
      ['X', 'X~', undefined],
    ]);
  });
});
