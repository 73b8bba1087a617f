import { type DynamoDBClient, TransactionCanceledException } from '@aws-sdk/client-dynamodb';
import { describe, expect, it } from '@jest/globals';
import { createDynamodbItems } from '../../../functions/dynamodb/dynamodb-items.ts';
import { createStore } from '../../../functions/store/store.ts';
import { requestContext, someone, vaultId } from '../../support/requests.ts';
import { virtualClock } from '../../support/virtual-clock.ts';

/** Reads with a client that finds nothing. `asked` records its requests. */
const asking = (principal = someone({ tenant: 'acme' })) => {
  const asked: { readonly command: string; readonly input: Record<string, unknown> }[] = [];
  const client = {
    send: async (command: { readonly input: Record<string, unknown> }) => {
      asked.push({ command: command.constructor.name, input: command.input });
      return { Responses: [{}] };
    },
  } as unknown as DynamoDBClient;
  return {
    asked,
    reads: createStore(createDynamodbItems(client, 'vault'), vaultId).for(
      requestContext(),
      principal,
    ),
  };
};

describe('the DynamoDB store', () => {
  const range = { above: 0, below: 9, order: 'asc', limit: 5 } as const;

  it.each([
    ['the head', 'findHead', ['DB']],
    ['a version', 'findVersion', ['DB', 3]],
    ['a page of versions', 'listVersions', ['DB', range]],
    ['an idempotency record', 'findRecord', ['hash']],
  ] as const)('reads %s consistently', async (_, operation, rest) => {
    const { asked, reads } = asking();
    const read = reads[operation] as (...args: unknown[]) => Promise<unknown>;
    await read(...rest);
    expect(asked.map(({ input }) => input['ConsistentRead'])).toEqual([true]);
  });

  it('reads the heads for a file in one transaction, which is always consistent, even a single one', async () => {
    const { asked, reads } = asking();
    await reads.findHeads(['DB']);
    expect(asked.map(({ command }) => command)).toEqual(['TransactGetItemsCommand']);
  });

  it.each([
    ['a version', 'findVersion', ['DB', 3]],
    ['an idempotency record', 'findRecord', ['hash']],
  ] as const)('reads %s in a transaction if writes must end first', async (_, operation, rest) => {
    const { asked, reads } = asking();
    const read = reads[operation] as (...args: unknown[]) => Promise<unknown>;
    await read(...rest, 'settled');
    expect(asked.map(({ command }) => command)).toEqual(['TransactGetItemsCommand']);
  });

  it('fails with integrity_failure if a read of two heads returns only one', async () => {
    const { reads } = asking();
    await expect(reads.findHeads(['A', 'B'])).rejects.toMatchObject({
      code: 'integrity_failure',
    });
  });
});

describe('a failed transaction of reads', () => {
  const readHeads = async (code: string, names: readonly string[] = ['DB']) => {
    let calls = 0;
    const client = {
      send: async () => {
        calls += 1;
        if (calls > 1) return { Responses: [{}] };
        throw new TransactionCanceledException({
          $metadata: { httpStatusCode: 400 },
          message: 'cancelled',
          CancellationReasons: [{ Code: code }],
        });
      },
    } as unknown as DynamoDBClient;
    const context = requestContext({ clock: virtualClock() });
    const heads = await createStore(createDynamodbItems(client, 'vault'), vaultId)
      .for(context, someone())
      .findHeads(names);
    return { heads, calls };
  };

  it.each(['TransactionConflict', 'ThrottlingError', 'ProvisionedThroughputExceeded'])(
    'is repeated after the temporary reason %s',
    async (code) => {
      expect(await readHeads(code)).toEqual({ heads: new Map(), calls: 2 });
    },
  );

  it('throws internal if DynamoDB found it malformed', async () => {
    await expect(readHeads('ValidationError')).rejects.toMatchObject({ code: 'internal' });
  });

  it('fails as too_large if its items may exceed what a transaction can return', async () => {
    const names = (count: number) => Array.from({ length: count }, (_, index) => `N${index}`);
    const malformed = 'ValidationError';
    await expect(readHeads(malformed, names(61))).rejects.toMatchObject({ code: 'internal' });
    await expect(readHeads(malformed, names(62))).rejects.toMatchObject({
      code: 'too_large',
      properties: { limit: 1_048_576 },
    });
  });

  it('fails as store_unavailable, not as too_large, if the store cannot be reached', async () => {
    const names = Array.from({ length: 96 }, (_, index) => `N${index}`);
    const send = async () => {
      throw Object.assign(new Error('refused'), { code: 'ECONNREFUSED' });
    };
    const context = requestContext({ clock: virtualClock() });
    const store = createStore(
      createDynamodbItems({ send } as unknown as DynamoDBClient, 'vault'),
      vaultId,
    );
    await expect(store.for(context, someone()).findHeads(names)).rejects.toMatchObject({
      code: 'store_unavailable',
    });
  });
});

describe('the probe of the status page', () => {
  const probe = async (Table: object) => {
    const clock = virtualClock();
    const client = { send: async () => ({ Table }) } as unknown as DynamoDBClient;
    const store = createStore(createDynamodbItems(client, 'vault'), vaultId).for(
      requestContext({ clock }),
      someone(),
    );
    const found = await store.probe();
    return { found, limits: clock.timers };
  };

  it('has a time limit of one second', async () => {
    expect((await probe({})).limits).toEqual([1_000]);
  });

  it('reports a table that has replicas in other Regions', async () => {
    expect((await probe({ Replicas: [] })).found).toEqual({ replicated: false });
    expect((await probe({ Replicas: [{ RegionName: 'eu-west-1' }] })).found).toEqual({
      replicated: true,
    });
  });
});

describe('a hidden name', () => {
  it('is looked up under a key that is never written', async () => {
    const { asked, reads } = asking(someone({ tenant: 'acme', names: [] }));
    await reads.findHead('DB');
    await reads.findVersion('DB', 1);
    await reads.findHeads(['DB']);
    const keys = JSON.stringify(asked.map(({ input }) => input));
    expect(keys.match(/TENANT#acme#ABSENT#DB/g)).toHaveLength(3);
    expect(keys).not.toContain('#SECRET#');
  });
});
