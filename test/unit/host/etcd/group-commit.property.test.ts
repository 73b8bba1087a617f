/**
 * However concurrent requests happen to be grouped, their results are those of the same requests in
 * some order.
 */
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Item, ItemKey } from '../../../../functions/store/items.ts';
import type { EtcdClient } from '../../../../host/etcd/etcd-client.ts';
import { createEtcd } from '../../../../host/etcd/group-commit.ts';
import {
  createGuardedWrites,
  type GuardedWrites,
  type ItemWrite,
} from '../../../../host/etcd/guarded-writes.ts';
import { createMemoryEtcd } from '../../../support/memory-etcd.ts';

const names = ['a', 'b', 'c'] as const;
type Name = (typeof names)[number];
type State = Readonly<Partial<Record<Name, number>>>;

/**
 * One part of a request: it requires `from` to be stored under its name, and stores `to` there. 0
 * means that nothing is stored.
 */
type Part = { readonly name: Name; readonly from: number | 'any'; readonly to: number | 'same' };
type Request = { readonly parts: readonly Part[] } | { readonly read: readonly Name[] };
type Outcome = 'written' | 'refused' | State;
const textOf = (state: State) =>
  JSON.stringify(
    Object.entries(state)
      .filter(([, n]) => n > 0)
      .sort(),
  );

const apply = (state: State, request: Request): { next: State; outcome: Outcome } => {
  if ('read' in request) {
    const shown = request.read.flatMap((name) => (state[name] ? [[name, state[name]]] : []));
    return { next: state, outcome: Object.fromEntries(shown) };
  }
  const holds = request.parts.every(
    ({ name, from }) => from === 'any' || (state[name] ?? 0) === from,
  );
  if (!holds) return { next: state, outcome: 'refused' };
  const changes = request.parts.flatMap(({ name, to }) => (to === 'same' ? [] : [[name, to]]));
  return { next: { ...state, ...Object.fromEntries(changes) }, outcome: 'written' };
};

const orders = <Element>(list: readonly Element[]): readonly (readonly Element[])[] =>
  list.length === 0
    ? [[]]
    : list.flatMap((first, index) =>
        orders([...list.slice(0, index), ...list.slice(index + 1)]).map((rest) => [first, ...rest]),
      );

const keyOf = (name: Name): ItemKey => ({ pk: name, sk: '-' });
/** The index and expiry entries change with the value, so each write moves both. */
const itemOf = (name: Name, n: number): Item => ({
  ...{ pk: { S: name }, sk: { S: '-' }, n: { N: String(n) } },
  ...{ tenant: { S: `tenant-${n}` }, name: { S: name }, expiresAt: { N: String(n) } },
});
const numberIn = (item: Item | undefined): number => Number(item?.['n']?.N ?? 0);

const send = async (items: GuardedWrites, request: Request): Promise<Outcome> => {
  const deadline = performance.now() + 60_000;
  if ('read' in request) {
    const found = await items.read(request.read.map(keyOf), deadline);
    const shown = request.read.map((name, index) => [name, numberIn(found[index]?.item)] as const);
    return Object.fromEntries(shown.filter(([, n]) => n > 0));
  }
  const writes = request.parts.map(({ name, from, to }): ItemWrite => {
    const isExpected = (item: Item | undefined) => from === 'any' || numberIn(item) === from;
    const change = to === 'same' ? 'none' : to === 0 ? 'delete' : { put: itemOf(name, to) };
    return { key: keyOf(name), isExpected, change };
  });
  return (await items.write(writes, deadline)).outcome;
};

const value = fc.integer({ min: 1, max: 4 });
const name = fc.constantFrom(...names);
const from = fc.oneof(fc.constant(0), value);
const part = fc.oneof(
  fc.record({ name, from, to: value }),
  fc.record({ name, from: fc.constant('any' as const), to: from }),
  fc.record({ name, from, to: fc.constant('same' as const) }),
);
const byName = ({ name }: Part) => name;
const request: fc.Arbitrary<Request> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc
      .uniqueArray(part, { minLength: 1, maxLength: 2, selector: byName })
      .map((parts) => ({ parts })),
  },
  fc.record({ read: fc.subarray([...names], { minLength: 1 }) }),
);

/** Delays each call, both before and after it takes effect. */
const slow = (etcd: EtcdClient, pauses: readonly number[]): EtcdClient => {
  let call = 0;
  const pause = async () => {
    call += 1;
    for (let turns = pauses[call % pauses.length] ?? 0; turns > 0; turns -= 1) await turn();
  };
  const around = async <Result>(work: () => Promise<Result>): Promise<Result> => {
    await pause();
    const result = await work();
    await pause();
    return result;
  };
  return {
    ...etcd,
    range: (sent, deadline) => around(() => etcd.range(sent, deadline)),
    txn: (sent, deadline) => around(() => etcd.txn(sent, deadline)),
  };
};

describe('two nodes over one etcd', () => {
  it('give concurrent requests the results of some serial order, and each item the right index entries', async () => {
    let overlapped = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(fc.tuple(request, fc.boolean()), { minLength: 1, maxLength: 5 }), {
          maxLength: 4,
        }),
        fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 7 }),
        async (bursts, pauses) => {
          const etcd = createMemoryEtcd();
          const [first, second] = [0, 1].map(() =>
            createGuardedWrites(
              createEtcd({
                client: slow(etcd, pauses),
                onGoneBack: (why) => {
                  throw new Error(why);
                },
              }),
            ),
          );
          if (first === undefined || second === undefined) throw new Error('two nodes');
          let states: readonly State[] = [{}];
          for (const burst of bursts) {
            const outcomes = await Promise.all(
              burst.map(([sent, isFirst]) => send(isFirst ? first : second, sent)),
            );
            const results = burst.map(([sent], index) => ({ sent, outcome: outcomes[index] }));
            // All states that can be reached by some order with these outcomes.
            const reached = states.flatMap((state) =>
              orders(results).flatMap((order) => {
                let next = state;
                for (const { sent, outcome } of order) {
                  const alone = apply(next, sent);
                  if (JSON.stringify(alone.outcome) !== JSON.stringify(outcome)) return [];
                  next = alone.next;
                }
                return [next];
              }),
            );
            overlapped += burst.length > 1 ? 1 : 0;
            expect({ burst, outcomes, orders: reached.length }).not.toMatchObject({ orders: 0 });
            states = [...new Map(reached.map((state) => [textOf(state), state])).values()];
          }
          const stored = [...etcd.items()].filter(([key]) => key.startsWith('item/'));
          const left = Object.fromEntries(
            stored.map(([, json]) => {
              const { pk, n } = JSON.parse(json) as { pk: { S: Name }; n: { N: string } };
              return [pk.S, Number(n.N)];
            }),
          );
          expect(states.map(textOf)).toContain(textOf(left));
          const entries = [...etcd.items().keys()].filter((key) => /^(index|expiry)\//.test(key));
          const expected = Object.entries(left).flatMap(([name, n]) => [
            `index/vault\0byTenant\0tenant-${n}\0${name}\0${name}\0-`,
            `expiry/vault\x0000000000000${n}\0${name}\0-`,
          ]);
          expect(entries.sort()).toEqual(expected.sort());
        },
      ),
      { numRuns: 300 },
    );
    expect(overlapped).toBeGreaterThan(100);
  });
});
