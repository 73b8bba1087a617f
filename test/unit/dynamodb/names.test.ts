import type { BatchGetItemCommandOutput, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { describe, expect, it } from '@jest/globals';
import { createDynamodbItems } from '../../../functions/dynamodb/dynamodb-items.ts';
import type { Deletion } from '../../../functions/model/types.ts';
import { detailAttributes } from '../../../functions/store/decoding.ts';
import { encodeHead, type Item } from '../../../functions/store/items.ts';
import { createStore } from '../../../functions/store/store.ts';
import type { NameRange } from '../../../functions/vault/ports.ts';
import * as fault from '../../support/faults.ts';
import { requestContext, someone, vaultId } from '../../support/requests.ts';
import { virtualClock } from '../../support/virtual-clock.ts';

type Query = {
  readonly ExclusiveStartKey?: {
    readonly name: { readonly S: string };
    readonly tenant: { readonly S: string };
  };
  readonly ExpressionAttributeValues: Readonly<Record<string, { readonly S: string }>>;
};

/**
 * Lists names from an index of `names` whose pages hold two of them. `asked` records the queries in
 * order.
 */
const asking = (names: readonly string[]) => {
  const asked: (readonly [first: string, last: string, startsAfter: string | undefined])[] = [];
  const partitions: (string | undefined)[][] = [];
  const client = {
    send: async ({ input }: { readonly input: Query }) => {
      const startsAfter = input.ExclusiveStartKey?.name.S;
      const { ':first': first, ':last': last } = input.ExpressionAttributeValues;
      asked.push([first?.S ?? '', last?.S ?? '', startsAfter]);
      const { ':tenant': tenant } = input.ExpressionAttributeValues;
      partitions.push([tenant?.S, input.ExclusiveStartKey?.tenant.S]);
      const rest = names.filter((name) => startsAfter === undefined || name > startsAfter);
      const Items = rest.slice(0, 2).map((name) => ({ name: { S: name } }));
      return { Items, ...(rest.length > 2 && { LastEvaluatedKey: Items.at(-1) }) };
    },
  } as unknown as DynamoDBClient;
  const listNames = (
    range: Omit<NameRange, 'state'> & Partial<NameRange>,
    patterns?: readonly string[],
  ) => {
    const caller = someone({ tenant: 'acme', names: patterns });
    return createStore(createDynamodbItems(client, 'vault'), vaultId)
      .for(requestContext(), caller)
      .listNames({ state: 'stored', ...range });
  };
  return { asked, partitions, listNames };
};

describe('a list of names', () => {
  const names = ['DB.A', 'DB.B', 'DB.C', 'DB.D', 'DB.E'];

  it('queries each page from the name at which the last one ended, so that no store reads earlier names', async () => {
    const { asked, listNames } = asking(names);
    const range = { prefix: '', after: undefined, limit: 100 };
    expect(await listNames(range)).toEqual({ names, more: false });
    expect(asked).toEqual([
      ['A', '~', undefined],
      ['DB.B', '~', 'DB.B'],
      ['DB.D', '~', 'DB.D'],
    ]);
  });

  it.each([
    ['stored', 'acme'],
    ['deleted', 'acme#DELETED'],
  ] as const)('reads secrets with the state %s only from the partition %s', async (state, own) => {
    const { partitions, listNames } = asking(names);
    await listNames({ prefix: '', after: undefined, limit: 100, state });
    expect(partitions).toEqual([
      [own, undefined],
      [own, own],
      [own, own],
    ]);
  });

  it('starts at the name after which it is to continue', async () => {
    const { asked, listNames } = asking(names);
    const range = { prefix: 'DB.', after: 'DB.C', limit: 100 };
    expect(await listNames(range)).toEqual({
      names: ['DB.D', 'DB.E'],
      more: false,
    });
    expect(asked).toEqual([['DB.C', 'DB.~', 'DB.C']]);
  });

  it('makes no query for a pattern of one exact name if the list is to continue after that name', async () => {
    const { asked, listNames } = asking([]);
    const range = { prefix: '', after: 'DB', limit: 100 };
    await listNames(range, ['DB', 'X']);
    expect(asked).toEqual([['X', 'X', undefined]]);
  });

  it('says that there may be more names if a page is full and another pattern is left', async () => {
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

  it('continues after the given name within its pattern, and starts each later pattern at its beginning', async () => {
    const { asked, listNames } = asking([]);
    const range = { prefix: '', after: 'DB.C', limit: 100 };
    await listNames(range, ['A*', 'DB*', 'X*']);
    expect(asked).toEqual([
      ['DB.C', 'DB~', 'DB.C'],
      ['X', 'X~', undefined],
    ]);
  });
});

describe('the details of names', () => {
  const deletion = (name: string): Deletion => ({
    vault: vaultId,
    tenant: 'acme',
    name,
    state: 'deleted',
    version: 2,
    validFrom: 1_700_000_000_000,
    createdBy: 'alice',
    writeId: 'mine',
    note: `of ${name}`,
  });
  const details = (name: string) => {
    const { vault: _, tenant: __, ...shown } = deletion(name);
    return shown;
  };
  const item = (name: string): Item => {
    const { format: _, ...shown } = encodeHead(deletion(name));
    return shown;
  };
  type Keys = readonly Readonly<Record<string, { readonly S: string }>>[];
  type Input = {
    readonly RequestItems: Readonly<Record<string, { readonly Keys: Keys }>>;
  };
  type Output = Pick<BatchGetItemCommandOutput, 'Responses' | 'UnprocessedKeys'>;

  /**
   * Asks a store for the details of names. `answer` decides what the store returns for each call.
   */
  const asking = async (names: readonly string[], answer: (keys: Keys, call: number) => Output) => {
    const asked: Input[] = [];
    const clock = virtualClock();
    const client = {
      send: async ({ input }: { readonly input: Input }) => {
        asked.push(input);
        if (asked.length > 100) throw new Error('a loop has made 100 calls');
        const keys = input.RequestItems['vault']?.Keys ?? [];
        return { ConsumedCapacity: [], ...answer(keys, asked.length) };
      },
    } as unknown as DynamoDBClient;
    const store = createStore(createDynamodbItems(client, 'vault'), vaultId);
    const { findDetails } = store.for(requestContext({ clock }), someone({ tenant: 'acme' }));
    const found = await findDetails(names).catch(({ code }) => code);
    return { found, asked, ms: clock.elapsed() };
  };
  const nameOf = (key: Keys[number]) => key['pk']?.S.split('#').at(-1) ?? '';
  const whole = (keys: Keys): Output => ({ Responses: { vault: keys.map(nameOf).map(item) } });
  const pages = (found: Map<string, object>) => [...found.entries()];

  it('are read from the heads, consistently and without their values', async () => {
    const { found, asked } = await asking(['A', 'B'], whole);
    expect(pages(found)).toEqual([
      ['A', details('A')],
      ['B', details('B')],
    ]);
    const Keys = ['A', 'B'].map((name) => ({
      pk: { S: `TENANT#acme#SECRET#${name}` },
      sk: { S: 'HEAD' },
    }));
    const ProjectionExpression = detailAttributes.map((attribute) => `#${attribute}`).join(', ');
    expect(asked).toMatchObject([
      { RequestItems: { vault: { Keys, ConsistentRead: true, ProjectionExpression } } },
    ]);
    expect(detailAttributes).not.toContain('ciphertext');
  });

  it('need no call if there are no names', async () => {
    expect((await asking([], whole)).asked).toEqual([]);
  });

  it('leave out a head that is gone', async () => {
    const { found } = await asking(['A', 'B'], () => ({ Responses: { vault: [item('B')] } }));
    expect(pages(found)).toEqual([['B', details('B')]]);
  });

  it('are requested again for the names that the store left out, and only for these', async () => {
    const { found, asked } = await asking(['A', 'B', 'C'], (keys, call) => {
      const [first, ...others] = keys;
      const left = { UnprocessedKeys: { vault: { Keys: others.map((key) => ({ ...key })) } } };
      return { ...whole(first ? [first] : []), ...(call < 3 && left) };
    });
    expect(pages(found).map(([name]) => name)).toEqual(['A', 'B', 'C']);
    const names = asked.map(({ RequestItems }) => RequestItems['vault']?.Keys.map(nameOf));
    expect(names).toEqual([['A', 'B', 'C'], ['B', 'C'], ['C']]);
  });

  it('fail as throttled within eight seconds if the store leaves out all names every time', async () => {
    const { found, ms } = await asking(['A'], (keys) => ({
      UnprocessedKeys: { vault: { Keys: keys.map((key) => ({ ...key })) } },
    }));
    expect(found).toBe('throttled');
    expect(ms).toBeLessThan(8_000);
  });

  it.each([
    ['a name that was not asked for', item('OTHER')],
    ['another item of the secret', { ...item('A'), sk: { S: 'VERSION#0000000002' } }],
    ['the secret of another vault', { ...item('A'), vault: { S: 'other' } }],
    ['a whole head, with more than was asked for', encodeHead(deletion('A'))],
    ['nothing but a key', { pk: { S: 'TENANT#acme#SECRET#A' }, sk: { S: 'HEAD' } }],
  ])('fail with integrity_failure if the store returns %s', async (_, returned) => {
    const { found } = await asking(['A'], () => ({ Responses: { vault: [returned] } }));
    expect(found).toBe('integrity_failure');
  });

  it('are read again after a temporary fault', async () => {
    const { found, asked } = await asking(['A'], (keys, call) => {
      if (call === 1) throw fault.throttled;
      return whole(keys);
    });
    expect([pages(found).length, asked.length]).toEqual([1, 2]);
  });
});
