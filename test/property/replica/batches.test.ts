/** Batches against the store itself: whatever is applied together has the outcomes that it has one by one. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { readContent } from '../../../local/replica/snapshot.ts';
import { errorName, isWire, reasonsOf, type WireReply } from '../../../local/replica/wire.ts';
import { type Applying, startApplying } from '../../support/applying.ts';
import { startBareStore } from '../../support/replica.ts';
import {
  keysOf,
  tablesOf,
  toLogEntries,
  type WriteRequest,
  writeRequests,
} from '../../support/write-requests.ts';

type Store = Awaited<ReturnType<typeof startBareStore>>;
const upTo = (max: number) => fc.integer({ min: 1, max });

let stores: readonly Store[];
let appliers: readonly Applying[];
let bare: Store;

beforeAll(async () => {
  stores = await Promise.all([startBareStore(), startBareStore()]);
  bare = await startBareStore();
  appliers = await Promise.all(stores.map(({ client }) => startApplying(client)));
});
afterAll(async () => {
  for (const applier of appliers) await applier.close();
  for (const { close } of [...stores, bare]) await close();
});

/** The store alone calls the item that was not there before an update an item of keys; on AWS it is none, as here. */
const attributesOf = ({ body }: WireReply): unknown => {
  const { Attributes: attributes } = body;
  return isWire(attributes) && Object.keys(attributes).length > 2 ? attributes : undefined;
};

/** What a caller learns of a reply; a table's description holds what each store makes up. */
const learnt = ({ operation }: WriteRequest, reply: WireReply | undefined): object =>
  reply === undefined
    ? {}
    : {
        status: reply.status,
        error: errorName(reply),
        reasons: reasonsOf(reply),
        item: reply.body['Item'],
        attributes: operation === 'CreateTable' ? undefined : attributesOf(reply),
      };

const scan = async ({ client }: Store, prefix: string) => {
  const { body } = await client.call('ListTables', {});
  const names = (body['TableNames'] as readonly string[]).filter((name) => name.startsWith(prefix));
  const scans = names.map((TableName) => client.call('Scan', { TableName }));
  return (await Promise.all(scans)).map((reply, index) => [names[index], reply.body['Items']]);
};

let runs = 0;
/** Which share an entry with one before them. */
let writesTogether = 0;
const nextPrefix = (): string => {
  runs += 1;
  return `run-${runs}-`;
};

/**
 * Applies the requests on both replicas, in entries of at most so many and in chunks of so many entries, and one by one
 * on the bare store.
 */
const compare = async (
  makeRequests: (prefix: string) => readonly WriteRequest[],
  most: number,
  chunk: number,
) => {
  const prefix = nextPrefix();
  const requests = [...tablesOf(prefix), ...makeRequests(prefix)];
  const [first] = appliers;
  const revision = first?.revision() ?? 0;
  const entries = toLogEntries(
    requests,
    { revision, version: revision },
    { most: () => most, tables: keysOf(prefix) },
  );
  writesTogether += requests.length - entries.length;
  const ids = entries.flatMap(({ writes }) => writes.map(({ id }) => id));
  await Promise.all(
    appliers.map((applier, index) => applier.apply(entries, index === 0 ? entries.length : chunk)),
  );
  const expected: object[] = [];
  for (const request of requests) {
    expected.push(learnt(request, await bare.client.call(request.operation, request.body)));
  }
  for (const [index, applier] of appliers.entries()) {
    const outcomes = ids.map((id) => applier.outcomes.get(id));
    expect(requests.map((request, at) => learnt(request, outcomes[at]))).toEqual(expected);
    const store = stores[index] ?? bare;
    expect(await scan(store, prefix)).toEqual(await scan(bare, prefix));
  }
  expect(appliers[1]?.digest()).toBe(appliers[0]?.digest());
};

const requestsOf = (seed: number) => (prefix: string) =>
  fc.sample(writeRequests(prefix, { minLength: 5, maxLength: 40 }), { seed, numRuns: 1 }).flat();

describe('writes that are appended and applied together', () => {
  it('have the outcomes, and leave the items, that they have one by one', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer(), upTo(7), upTo(7), (seed, most, chunk) =>
        compare(requestsOf(seed), most, chunk),
      ),
      { numRuns: 40, seed: 20_261_124, endOnFailure: true },
    );
    expect(writesTogether).toBeGreaterThan(30);
  }, 120_000);

  it('leave two replicas with equal content, however they were cut', async () => {
    const contents = () => Promise.all(stores.map(({ folder }) => readContent(folder)));
    const [before] = await contents();
    for (const [seed, most, chunk] of [
      [1, 7, 1],
      [2, 3, 7],
      [3, 7, 3],
    ] as const) {
      await compare(requestsOf(seed), most, chunk);
    }
    const [one, other] = await contents();
    expect(one?.digest).not.toBe(before?.digest);
    expect(one?.revision).toBe(appliers[0]?.revision());
    expect(one).toEqual(other);
  });
});
