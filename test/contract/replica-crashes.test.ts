/** Each entry exactly once, whatever dies or is lost meanwhile: all replicas end as one that nothing happened to. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import { dynoxide } from '../../local/dynamodb/dynoxide.ts';
import { type LocalStore, startStore } from '../../local/dynamodb.ts';
import { readContent } from '../../local/replica/snapshot.ts';
import { createStoreClient, type StoreClient } from '../../local/replica/store.ts';
import { refuse, unavailable, unclear, type WireReply } from '../../local/replica/wire.ts';
import { type Applying, startApplying } from '../support/applying.ts';
import { freshStoreFolder, killStoreIn, tableOf } from '../support/replica.ts';
import { until } from '../support/until.ts';
import { keysOf, tablesOf, toLogEntries, writeRequests } from '../support/write-requests.ts';

jest.setTimeout(30_000);

const seed = 4_711;
const prefix = 'x-';
const requests = [
  ...tablesOf(prefix),
  ...fc
    .sample(writeRequests(prefix, { minLength: 150, maxLength: 150 }), { seed, numRuns: 1 })
    .flat(),
];
let sizes = 0;
/** Of one write to four, in turn, where they may go together. */
const entries = toLogEntries(
  requests,
  { revision: 1, version: 0 },
  {
    most: () => {
      sizes += 1;
      return 1 + (sizes % 4);
    },
    tables: keysOf(prefix),
  },
);
const writes = entries.flatMap((entry) => entry.writes);
const end = entries.at(-1)?.revision ?? 0;

type Running = {
  readonly folder: string;
  readonly store: LocalStore;
  readonly client: StoreClient;
};
const closing: (() => Promise<void>)[] = [];
const start = async (
  folder = freshStoreFolder(),
  program = dynoxide(process.cwd()),
): Promise<Running> => {
  const store = await startStore(program, folder, () => undefined);
  const client = createStoreClient(() => store.endpoint);
  closing.push(async () => {
    client.close();
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return { folder, store, client };
};
const closeAll = async (): Promise<void> => {
  for (const close of closing.splice(0).reverse()) await close();
};

/** What a table's description holds beyond its name is each store's own. */
const comparable = (reply: WireReply | undefined): unknown => {
  const { TableDescription: _, ...body } = reply?.body ?? {};
  return { status: reply?.status, body };
};
let undisturbed: { digest: string; content: unknown; outcomes: ReadonlyMap<string, WireReply> };

/** All that a replica ends with, and each outcome that was told on the way. */
const expectTheSame = async (
  folder: string,
  digest: string,
  outcomes: ReadonlyMap<string, WireReply>,
): Promise<void> => {
  for (const [id, reply] of outcomes) {
    expect({ id, reply: comparable(reply) }).toEqual({
      id,
      reply: comparable(undisturbed.outcomes.get(id)),
    });
  }
  expect(digest).toBe(undisturbed.digest);
  expect(await readContent(folder)).toEqual(undisturbed.content);
};

beforeAll(async () => {
  const { folder, client } = await start();
  const applying = await startApplying(client);
  await applying.apply(entries);
  await applying.close();
  const { outcomes, digest } = applying;
  undisturbed = { outcomes, digest: digest(), content: await readContent(folder) };
});
afterEach(closeAll);
afterAll(closeAll);

/** Takes away from the store's file what a crash would not have let it make. */
const dropFrom = (folder: string, tables: readonly string[]): void => {
  const database = new DatabaseSync(join(folder, 'store.sqlite'), { timeout: 5_000 });
  for (const table of tables) database.exec(`DROP TABLE IF EXISTS "${table}"`);
  database.close();
};

/** The same numbers for the same seed. */
const randomOf = (from: number) => {
  let state = from;
  return (below: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state % below;
  };
};

describe('a replica', () => {
  it('was given writes of all kinds, some refused', () => {
    const replies = [...undisturbed.outcomes.values()];
    expect(replies).toHaveLength(writes.length);
    expect(writes.length - entries.length).toBeGreaterThan(20);
    expect(replies.filter(({ status }) => status === 400).length).toBeGreaterThan(30);
    expect(replies.filter(({ status }) => status === 200).length).toBeGreaterThan(30);
  });

  it.each([1, 2, 3])(
    'ends the same when its store is killed at random moments (%i)',
    async (seedOfKills) => {
      const random = randomOf(seedOfKills);
      const { folder, store, client } = await start();
      const applying = await startApplying(client, store.deaths);
      const applied = applying.apply(entries, 1 + random(60));
      // More would be taken for a store that cannot run.
      for (let kills = 0; kills < 4; kills += 1) {
        const from = applying.revision() + random(entries.length / 5);
        await until(() => applying.revision() >= Math.min(from, end));
        await sleep(random(4));
        if (applying.revision() === end) break;
        killStoreIn(folder);
        await until(() => store.deaths() > kills);
      }
      await applied;
      expect(store.deaths()).toBeGreaterThan(0);
      expect(applying.outcomes.size).toBe(writes.length);
      await applying.close();
      await expectTheSame(folder, applying.digest(), applying.outcomes);
    },
    60_000,
  );

  it.each([1, 2])(
    'ends the same when replies of its store are lost, before or after they took effect (%i)',
    async (seedOfLosses) => {
      const random = randomOf(seedOfLosses);
      const { folder, client } = await start();
      let losses = 0;
      const lose = <Result>(work: () => Promise<Result>): Promise<Result> => {
        const fate = random(10);
        if (fate > 1) return work();
        losses += 1;
        const lost = new Error('the reply was lost');
        return fate === 0 ? Promise.reject(lost) : work().then(() => Promise.reject(lost));
      };
      const applying = await startApplying(client);
      await applying.close();
      const hostile = {
        ...client,
        call: (...call: Parameters<StoreClient['call']>) => lose(() => client.call(...call)),
      };
      let again: Applying | undefined;
      while (again === undefined) again = await startApplying(hostile).catch(() => undefined);
      await again.apply(entries, 10);
      expect(losses).toBeGreaterThan(10);
      expect(again.outcomes.size).toBe(writes.length);
      await again.close();
      await expectTheSame(folder, again.digest(), again.outcomes);
    },
    60_000,
  );

  it.each([1, 2])(
    'ends the same when it is stopped at any point and begins where its store stands (%i)',
    async (seedOfStops) => {
      const random = randomOf(seedOfStops);
      const { folder, client } = await start();
      const outcomes = new Map<string, WireReply>();
      let applying = await startApplying(client);
      for (let stops = 0; applying.revision() < end; stops += 1) {
        const stopAt = applying.revision() + random(40);
        applying.offer(
          entries.filter(({ revision }) => revision > applying.revision()).slice(0, 900),
        );
        await until(() => applying.revision() >= Math.min(stopAt, end));
        await sleep(random(3));
        await applying.close();
        for (const [id, reply] of applying.outcomes) {
          expect(outcomes.has(id)).toBe(false);
          outcomes.set(id, reply);
        }
        applying = await startApplying(client);
        expect(stops).toBeLessThan(entries.length);
      }
      await applying.close();
      await expectTheSame(folder, applying.digest(), outcomes);
    },
    60_000,
  );

  it('takes no refusal of a second run for the outcome of the first', async () => {
    const { client } = await start();
    const log = entries.slice(0, 3);
    let sent = 0;
    const forgetful: StoreClient = {
      ...client,
      call: async (operation, body) => {
        if (operation !== 'TransactWriteItems' || !JSON.stringify(body).includes('mine')) {
          return await client.call(operation, body);
        }
        sent += 1;
        if (sent === 1) throw new Error('it is not there yet');
        // The first comes only now.
        if (sent === 2) await client.call(operation, body);
        return refuse('ValidationException', 'now it is wrong');
      },
    };
    const applying = await startApplying(forgetful);
    await applying.apply(log);
    const body = { TableName: `${prefix}texts`, Item: { pk: { S: 'mine' }, sk: { S: '-' } } };
    const [mine] = toLogEntries(
      [{ operation: 'PutItem', body }],
      log.at(-1) ?? { revision: 0, version: 0 },
    );
    await applying.apply(mine ? [mine] : []);
    await applying.close();
    expect(applying.outcomes.get(mine?.writes[0]?.id ?? '')).toEqual({ status: 200, body: {} });
    // One that has not been applied is refused by the second run.
    const again = await startApplying(forgetful);
    const [next] = toLogEntries(
      [{ operation: 'PutItem', body }],
      mine ?? { revision: 0, version: 0 },
    );
    await again.apply(next ? [next] : []);
    await again.close();
    expect(again.outcomes.get(next?.writes[0]?.id ?? '')?.status).toBe(400);
  });

  it('takes no error that passes for an outcome', async () => {
    const { folder, client } = await start();
    const cancelled = (Code: string) =>
      refuse('TransactionCanceledException', 'cancelled', { CancellationReasons: [{ Code }] });
    const passing = [
      refuse('ThrottlingException', 'too fast'),
      refuse('ProvisionedThroughputExceededException', 'too fast'),
      cancelled('ThrottlingError'),
      cancelled('TransactionConflict'),
      cancelled('InternalError'),
      unclear('the disk is full'),
      unavailable('it starts'),
    ];
    const limited: StoreClient = {
      ...client,
      call: async (operation, body) => {
        const error = operation === 'TransactWriteItems' ? passing.shift() : undefined;
        return error ?? (await client.call(operation, body));
      },
    };
    const applying = await startApplying(client);
    await applying.apply(entries.slice(0, 2));
    await applying.close();
    const again = await startApplying(limited);
    await again.apply(entries);
    await again.close();
    expect(passing).toEqual([]);
    await expectTheSame(folder, again.digest(), again.outcomes);
  });

  it('has another digest than one whose store gave an entry another outcome', async () => {
    const Item = { pk: { S: 'stray' }, sk: { S: '-' } };
    const guarded = {
      TableName: `${prefix}texts`,
      Item,
      ConditionExpression: 'attribute_not_exists(pk)',
    };
    const log = toLogEntries([...tablesOf(prefix), { operation: 'PutItem', body: guarded }], {
      revision: 1,
      version: 0,
    });
    const digests: string[][] = [];
    for (const isStray of [false, true]) {
      const { client } = await start();
      const applying = await startApplying(client);
      await applying.apply(log.slice(0, 2));
      const before = applying.digest();
      if (isStray) await client.call('PutItem', { TableName: `${prefix}texts`, Item });
      await applying.apply(log);
      digests.push([before, applying.digest()]);
      await applying.close();
    }
    expect(digests[0]?.[0]).toBe(digests[1]?.[0]);
    expect(digests[0]?.[1]).not.toBe(digests[1]?.[1]);
  });

  it.each([
    ['the name alone', ['p-texts', 'p-texts::gsi::byG', 'p-texts::gsi::byG::base_key']],
    ['no index', ['p-texts::gsi::byG']],
    ['all of it', []],
  ])('makes a table whole of which a crash has left %s', async (_, lost) => {
    const { folder, client } = await start();
    const applying = await startApplying(client);
    const text = (AttributeName: string) => ({ AttributeName, AttributeType: 'S' });
    const body = {
      ...tableOf('p-texts'),
      AttributeDefinitions: [text('pk'), text('sk'), text('g')],
      GlobalSecondaryIndexes: [
        {
          IndexName: 'byG',
          KeySchema: [{ AttributeName: 'g', KeyType: 'HASH' }],
          Projection: { ProjectionType: 'ALL' },
        },
      ],
      DeletionProtectionEnabled: true,
    };
    await client.call('CreateTable', body);
    dropFrom(folder, lost);
    const item = { pk: { S: 'a' }, sk: { S: '-' }, g: { S: 'g' } };
    const log = toLogEntries(
      [
        { operation: 'CreateTable', body },
        { operation: 'PutItem', body: { TableName: 'p-texts', Item: item } },
      ],
      { revision: 1, version: 0 },
    );
    await applying.apply(log);
    await applying.close();
    expect([...applying.outcomes.values()].map(({ status }) => status)).toEqual([200, 200]);
    const found = await client.call('Scan', { TableName: 'p-texts', IndexName: 'byG' });
    expect(found.body['Items']).toEqual([item]);
    const { body: described } = await client.call('DescribeTable', { TableName: 'p-texts' });
    expect(described).toMatchObject({ Table: { DeletionProtectionEnabled: true } });
  });

  it('makes its own table whole if a crash has left its name alone, and never else', async () => {
    const { folder, client } = await start();
    await (await startApplying(client)).close();
    dropFrom(folder, ['_replica']);
    const applying = await startApplying(client);
    await applying.apply(entries.slice(0, 5));
    await applying.close();
    const again = await startApplying(client);
    expect(again.revision()).toBe(applying.revision());
    await again.close();
  });

  it('tells no outcome without the item that was asked for', async () => {
    const { client } = await start();
    const applying = await startApplying(client);
    await applying.apply(toLogEntries(tablesOf(prefix), { revision: 1, version: 0 }));
    await applying.close();
    let reads = 0;
    const silent: StoreClient = {
      ...client,
      call: async (operation, body) => {
        if (operation !== 'GetItem' || JSON.stringify(body).includes('_replica')) {
          return await client.call(operation, body);
        }
        reads += 1;
        // Before the write it tells, after it no more.
        if (reads > 1) throw new Error('it is silent');
        return await client.call(operation, body);
      },
    };
    const body = {
      TableName: `${prefix}texts`,
      Key: { pk: { S: 'a' }, sk: { S: '-' } },
      UpdateExpression: 'SET n = :n',
      ExpressionAttributeValues: { ':n': { N: '1' } },
      ReturnValues: 'ALL_NEW',
    };
    const again = await startApplying(silent);
    reads = 0;
    again.offer(toLogEntries([{ operation: 'UpdateItem', body }], { revision: 3, version: 2 }));
    await until(() => reads > 2);
    await again.close();
    expect(again.outcomes.size).toBe(0);
    const after = await startApplying(client);
    expect(after.revision()).toBe(4);
    await after.close();
  });

  it('knows its receipts again after a start', async () => {
    const { client } = await start();
    const [first, ...more] = tablesOf('y-');
    if (first === undefined) throw new Error('there is no table');
    const request = {
      operation: 'TransactWriteItems' as const,
      body: {
        ClientRequestToken: 't',
        TransactItems: [
          {
            Put: {
              TableName: 'y-texts',
              Item: { pk: { S: 'a' }, sk: { S: '-' } },
              ConditionExpression: 'attribute_not_exists(pk)',
            },
          },
        ],
      },
    };
    const log = toLogEntries([first, ...more, request, request], { revision: 0, version: 0 });
    const applying = await startApplying(client);
    await applying.apply(log.slice(0, 3));
    await applying.close();
    const again = await startApplying(client);
    await again.apply(log);
    await again.close();
    const repeated = log.at(-1)?.writes[0]?.id;
    expect(again.outcomes).toEqual(new Map([[repeated, { status: 200, body: {} }]]));
  });
});

describe('a store that dies of an entry', () => {
  /** A store that aborts over whatever holds the poison. */
  const poisoned = (
    { client, folder, store }: Running,
    isPoison: (request: string) => boolean,
  ): StoreClient => ({
    ...client,
    call: async (operation, body) => {
      if (!isPoison(JSON.stringify([operation, body]))) return await client.call(operation, body);
      const before = store.deaths();
      killStoreIn(folder);
      await until(() => store.deaths() > before);
      throw new Error('socket hang up');
    },
  });
  const poison = 'deadly';
  const putOf = (pk: string, more: object = {}) => ({
    operation: 'PutItem' as const,
    body: { TableName: `${prefix}texts`, Item: { pk: { S: pk }, sk: { S: '-' } }, ...more },
  });

  it('twice stops the replica, which names revision and entry; what came before is applied', async () => {
    const running = await start();
    const puts = ['a', 'b', poison, 'c'].map((pk) => putOf(pk));
    const log = toLogEntries([...tablesOf(prefix), ...puts], { revision: 1, version: 0 });
    const client = poisoned(running, (request) => request.includes(poison));
    const applying = await startApplying(client, running.store.deaths);
    applying.offer(log);
    const { message } = await applying.failed;
    const deadly = log.find((entry) => JSON.stringify(entry).includes(poison));
    expect(message).toContain(
      `the store has died twice on revision ${deadly?.revision} (${deadly?.writes[0]?.id})`,
    );
    expect(applying.revision()).toBe((deadly?.revision ?? 0) - 1);
    await applying.close();
  });

  it.each([
    [
      'the try of one of its writes alone',
      [putOf('a'), putOf(''), putOf(poison)],
      (request: string) => request.includes(poison) && !request.includes('"pk":{"S":"a"}'),
    ],
    [
      'the reading of what it returns',
      [putOf(poison, { ReturnValues: 'ALL_OLD' })],
      (request: string) => request.includes(poison) && request.includes('GetItem'),
    ],
  ])('twice, by %s, stops the replica, too', async (_, requests, isPoison) => {
    const running = await start();
    const tables = toLogEntries(tablesOf(prefix), { revision: 1, version: 0 });
    const revision = (tables.at(-1)?.revision ?? 0) + 1;
    const together = toLogEntries(requests, { revision: revision - 1, version: 0 });
    const writes = together.flatMap((entry) => entry.writes);
    const entry = { revision, version: tables.length + 1, writes, bytes: 1_000 };
    const applying = await startApplying(poisoned(running, isPoison), running.store.deaths);
    // Also where it does not stop by itself.
    closing.push(applying.close);
    applying.offer([...tables, entry]);
    const { message } = await applying.failed;
    expect(message).toContain(
      `the store has died twice on revision ${revision} (${writes.at(-1)?.id})`,
    );
    expect(applying.revision()).toBe(revision - 1);
  });
});

describe('a replica whose store does not answer', () => {
  it('says so, and ends when it is closed', async () => {
    const { client } = await start();
    const silent: StoreClient = {
      ...client,
      call: async (operation, body) => {
        if (operation !== 'Query' && isSilent) throw new Error('it is silent');
        return await client.call(operation, body);
      },
    };
    let isSilent = false;
    const applying = await startApplying(silent);
    isSilent = true;
    applying.offer(entries.slice(0, 3));
    await until(() => applying.lines.length > 0);
    expect(applying.lines[0]).toMatch(/^the store does not (take|answer)/);
    await applying.close();
    expect(applying.revision()).toBe(0);
  }, 20_000);

  it('stops when its position was moved by another one', async () => {
    const { client } = await start();
    const one = await startApplying(client);
    const other = await startApplying(client);
    await one.apply(entries.slice(0, 2));
    const third = await startApplying(client);
    await one.apply(entries.slice(0, 10));
    await one.close();
    // By a CreateTable, and by a write.
    for (const late of [other, third]) {
      late.offer(entries.filter(({ revision }) => revision > late.revision()));
      expect((await late.failed).message).toMatch(/^the store stands at revision 11, not at [03]$/);
      await late.close();
    }
  }, 20_000);
});
