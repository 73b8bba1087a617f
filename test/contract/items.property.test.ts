/**
 * A store of items must agree with a model: it judges random guards alike, returns the same items,
 * and lists the same pages in the same order. The suite runs over each store, so it also compares
 * the stores with each other.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { isAsExpected } from '../../functions/store/expected.ts';
import {
  headSortKey,
  type Item,
  type ItemKey,
  indexPartition,
  secretPartition,
  versionSortKey,
} from '../../functions/store/items.ts';
import type { Expected, Guard, Items, Judged } from '../../functions/store/ports.ts';
import { requestContext } from '../support/requests.ts';
import { startTestStore, type TestStore } from '../support/test-store.ts';

const states = ['stored', 'deleted'] as const;
const writeIds = ['w1', 'w2', 'w3'] as const;
/** These sort differently by bytes, by locale and without regard to case. */
const names = ['A', 'A.B', 'AB', 'A_', 'Ab', 'B', '_', '_A', 'a', 'a_', 'aB', 'z'] as const;
const secondsNow = 1_700_000_000;

type Place = { readonly name: (typeof names)[number]; readonly at: 'head' | 'record' | number };
type Content = {
  readonly version: number;
  readonly writeId: (typeof writeIds)[number];
  readonly state: (typeof states)[number];
  readonly expiresIn: number;
};

const keyOf = (tenant: string, { name, at }: Place): ItemKey => {
  if (at === 'record') return { pk: `TENANT#${tenant}#IDEMPOTENCY#${name}`, sk: 'RECORD' };
  const sk = at === 'head' ? headSortKey : versionSortKey(at);
  return { pk: secretPartition(tenant, name), sk };
};

const itemOf = (tenant: string, place: Place, content: Content): Item => {
  const { pk, sk } = keyOf(tenant, place);
  const { version, writeId, state, expiresIn } = content;
  return {
    pk: { S: pk },
    sk: { S: sk },
    writeId: { S: writeId },
    state: { S: state },
    version: { N: String(version) },
    bytes: { B: Buffer.from([0, 255, version]) },
    ...(place.at === 'head' && {
      tenant: { S: indexPartition(tenant, state) },
      name: { S: place.name },
    }),
    ...(place.at === 'record' && { expiresAt: { N: String(secondsNow + expiresIn) } }),
  };
};

const place: fc.Arbitrary<Place> = fc.record({
  name: fc.constantFrom(...names),
  at: fc.oneof(
    fc.constant('head' as const),
    fc.constant('record' as const),
    fc.integer({ min: 1, max: 3 }),
  ),
});
const content: fc.Arbitrary<Content> = fc.record({
  version: fc.integer({ min: 1, max: 3 }),
  writeId: fc.constantFrom(...writeIds),
  state: fc.constantFrom(...states),
  expiresIn: fc.integer({ min: -1, max: 1 }),
});
/** `held` expects what is stored now, so that many writes succeed. */
const expectation = fc.oneof(
  { weight: 3, arbitrary: fc.constant('held' as const) },
  fc.constantFrom('absent' as const, 'expired' as const),
  fc.tuple(fc.constantFrom('version' as const, 'write' as const), content),
);
type Expectation = typeof expectation extends fc.Arbitrary<infer Value> ? Value : never;

const guard = fc.record({
  place,
  expectation,
  put: fc.option(content, { freq: 5, nil: undefined }),
});
const write = fc.uniqueArray(guard, {
  minLength: 1,
  maxLength: 4,
  selector: ({ place: { name, at } }) => `${name} ${at}`,
});

const expectedOf = (wanted: Expectation, stored: Item | undefined): Expected => {
  if (wanted === 'expired') return { is: 'expired', second: secondsNow };
  if (wanted === 'held' && stored !== undefined) {
    const [version, writeId, state] = [stored['version'], stored['writeId'], stored['state']];
    return {
      is: 'version',
      ...{ version: Number(version?.N), writeId: writeId?.S ?? '', state: state?.S ?? '' },
    };
  }
  if (wanted === 'held' || wanted === 'absent') return { is: 'absent' };
  const [is, { version, writeId, state }] = wanted;
  return is === 'write' ? { is, writeId, state } : { is, version, writeId, state };
};

const textOf = ({ pk, sk }: ItemKey): string => `${pk} ${sk}`;
const partsOf = (item: Item | undefined) => item && Object.entries(item).sort();
/** For a guard that only checks, a store need not return the item that failed it. */
const shownOf = (guards: readonly Guard[], judged: 'written' | readonly Judged[]) =>
  judged === 'written'
    ? judged
    : judged.map((found, index) =>
        found.is === 'failed' && guards[index]?.put ? ['failed', partsOf(found.item)] : found.is,
      );

/** A model of what the port promises. */
const createModel = () => {
  const items = new Map<string, Item>();
  return {
    items,
    write: (guards: readonly Guard[]): 'written' | readonly Judged[] => {
      const judged = guards.map(({ key, expected }): Judged => {
        const item = items.get(textOf(key));
        return isAsExpected(expected, item) ? { is: 'held' } : { is: 'failed', item };
      });
      if (judged.some(({ is }) => is === 'failed')) return judged;
      for (const { key, put } of guards) if (put) items.set(textOf(key), put);
      return 'written';
    },
    range: (pk: string, from: string, to: string) =>
      [...items.values()].filter(
        ({ pk: own, sk }) => own?.S === pk && (sk?.S ?? '') >= from && (sk?.S ?? '') <= to,
      ),
    names: (partition: string) =>
      [...items.values()]
        .filter(({ sk, tenant }) => sk?.S === headSortKey && tenant?.S === partition)
        .map(({ name }) => name?.S ?? '')
        .sort((a, b) => (a < b ? -1 : 1)),
  };
};

let folder: string;
let store: TestStore;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vault-'));
  store = await startTestStore(folder);
});
afterAll(async () => {
  await store.close();
  await rm(folder, { recursive: true, force: true });
});

/** Returns all names of a range, read in pages of this size. */
const listAll = async (
  items: Items,
  partition: Parameters<Items['names']>[0],
  range: { readonly text: string; readonly exact: boolean },
  limit: number,
): Promise<readonly string[]> => {
  const all: string[] = [];
  for (let after: string | undefined; ; ) {
    const page = await items.names(partition, { ...range, after }, limit);
    expect(page.names.length).toBeLessThanOrEqual(limit);
    all.push(...page.names);
    after = page.names.at(-1) ?? after;
    if (!page.more) return all;
  }
};

/**
 * Returns all items of a range, read in pages of this size. A page may be smaller, but only the
 * last may be empty.
 */
const rangeAll = async (
  items: Items,
  pk: string,
  [first, last]: readonly [number, number],
  order: 'asc' | 'desc',
  limit: number,
): Promise<readonly Item[]> => {
  const all: Item[] = [];
  let [from, to] = [first, last];
  while (from <= to) {
    const bounds = { from: versionSortKey(from), to: versionSortKey(to) };
    const page = await items.range(pk, { ...bounds, order, limit });
    if (page.length === 0) break;
    expect(page.length).toBeLessThanOrEqual(limit);
    all.push(...page);
    const end = Number(page.at(-1)?.['sk']?.S?.split('#')[1]);
    if (order === 'asc') from = end + 1;
    else to = end - 1;
  }
  return all;
};

// Shows G1.
it('a store decides conditional writes, returns items and lists pages as the model in this file does', async () => {
  let run = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(write, { minLength: 1, maxLength: 12 }),
      fc.integer({ min: 1, max: 4 }),
      fc.constantFrom('', 'A', 'a', '_', 'A_', 'x'),
      async (writes, limit, text) => {
        run += 1;
        const tenant = `t${run}`;
        const items = store.table.itemsOf(requestContext({ now: secondsNow * 1_000 }));
        const model = createModel();
        for (const wanted of writes) {
          const guards = wanted.map(({ place, expectation, put }): Guard => {
            const key = keyOf(tenant, place);
            const expected = expectedOf(expectation, model.items.get(textOf(key)));
            return { key, expected, ...(put && { put: itemOf(tenant, place, put) }) };
          });
          const modelled = shownOf(guards, model.write(guards));
          expect(shownOf(guards, await items.write(guards))).toEqual(modelled);
        }
        const keys = names.flatMap((name) =>
          (['head', 'record', 1, 2, 3] as const).map((at) => keyOf(tenant, { name, at })),
        );
        const stored = keys.map((key) => partsOf(model.items.get(textOf(key))));
        expect((await items.get(keys, { settled: true })).map(partsOf)).toEqual(stored);
        for (const state of states) {
          const all = model.names(indexPartition(tenant, state));
          const prefixed = await listAll(items, { tenant, state }, { text, exact: false }, limit);
          expect(prefixed).toEqual(all.filter((name) => name.startsWith(text)));
          const exact = await listAll(items, { tenant, state }, { text: 'A', exact: true }, limit);
          expect(exact).toEqual(all.filter((name) => name === 'A'));
        }
        const pk = secretPartition(tenant, 'A');
        for (const order of ['asc', 'desc'] as const) {
          const found = await rangeAll(items, pk, [1, 2], order, limit);
          const sorted = model
            .range(pk, versionSortKey(1), versionSortKey(2))
            .sort((a, b) => ((a['sk']?.S ?? '') < (b['sk']?.S ?? '') ? -1 : 1));
          const expected = order === 'asc' ? sorted : sorted.toReversed();
          expect(found.map(partsOf)).toEqual(expected.map(partsOf));
        }
      },
    ),
    { numRuns: 100 },
  );
});

it('a store that deletes expired records goes by the latest expiry of a record that was replaced', async () => {
  const items = store.table.itemsOf(requestContext());
  const place = { name: 'A', at: 'record' } as const;
  const key = keyOf('expiry', place);
  const put = (expiresIn: number) => {
    const content = { version: 1, writeId: 'w1', state: 'stored', expiresIn } as const;
    const expected = { is: 'expired', second: secondsNow } as const;
    return items.write([{ key, expected, put: itemOf('expiry', place, content) }]);
  };
  expect([await put(-1), await put(50)]).toEqual(['written', 'written']);
  await store.sweep(secondsNow);
  expect(await items.get([key])).toMatchObject([{ expiresAt: { N: String(secondsNow + 50) } }]);
  await store.sweep(secondsNow + 51);
  expect(await items.get([key])).toEqual([undefined]);
});
