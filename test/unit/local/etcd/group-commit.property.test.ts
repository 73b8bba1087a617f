/** Requests that come at once, grouped as chance has it, have the results of some order of the same requests. */
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import type { EtcdClient } from '../../../../local/etcd/etcd-client.ts';
import { createFront, type Front } from '../../../../local/etcd/front.ts';
import { tableOf } from '../../../support/front-tables.ts';
import { createMemoryEtcd } from '../../../support/memory-etcd.ts';

jest.setTimeout(60_000);

const TableName = 'vault';
const table = tableOf(TableName, ['pk'], ['owner']);
const names = ['a', 'b', 'c'] as const;
type Name = (typeof names)[number];
/** The values of a table, by name. */
type State = Readonly<Partial<Record<Name, number>>>;

/** One request: each part needs `from` to be stored at its name and stores `to` there. 0 is nothing. */
type Part = { readonly name: Name; readonly from: number | 'any'; readonly to: number | 'same' };
type Request =
  | { readonly parts: readonly Part[] }
  | { readonly read: readonly Name[]; readonly isBatch: boolean };
type Outcome = 'written' | 'refused' | State;
const textOf = (state: State) =>
  JSON.stringify(
    Object.entries(state)
      .filter(([, n]) => n > 0)
      .sort(),
  );

/** The request alone, on a state. */
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

const conditionOf = (from: Part['from']) => {
  if (from === 'any') return {};
  if (from === 0) return { ConditionExpression: 'attribute_not_exists(pk)' };
  return {
    ConditionExpression: 'n = :from',
    ExpressionAttributeValues: { ':from': { N: String(from) } },
  };
};

type Stored = { readonly pk: { readonly S: string }; readonly n: { readonly N: string } };
type ReadOperation = (front: Front, keys: readonly object[]) => Promise<readonly Stored[]>;

const transactGet: ReadOperation = async (front, keys) => {
  const gets = keys.map((Key) => ({ Get: { TableName, Key } }));
  const { body } = await front('TransactGetItems', { TransactItems: gets });
  return (body['Responses'] as { Item?: Stored }[]).flatMap(({ Item }) => Item ?? []);
};
const batchGet: ReadOperation = async (front, keys) => {
  const asked = { Keys: keys, ConsistentRead: true, ProjectionExpression: 'pk, n' };
  const { body } = await front('BatchGetItem', { RequestItems: { [TableName]: asked } });
  return (body['Responses'] as Record<string, Stored[]>)[TableName] ?? [];
};

const send = async (front: Front, request: Request): Promise<Outcome> => {
  if ('read' in request) {
    const keys = request.read.map((pk) => ({ pk: { S: pk } }));
    const items = await (request.isBatch ? batchGet : transactGet)(front, keys);
    return Object.fromEntries(items.map(({ pk, n }) => [pk.S, Number(n.N)]));
  }
  const { status } = await front('TransactWriteItems', {
    TransactItems: request.parts.map(({ name, from, to }) => {
      const onKey = { TableName, Key: { pk: { S: name } }, ...conditionOf(from) };
      if (to === 'same') return { ConditionCheck: onKey };
      if (to === 0) return { Delete: onKey };
      // These change with the value, so that each write moves an entry of the index and of the expiry.
      const entries = { owner: { S: `owner-${to}` }, expiresAt: { N: String(to) } };
      const Item = { pk: { S: name }, n: { N: String(to) }, ...entries };
      return { Put: { TableName, Item, ...conditionOf(from) } };
    }),
  });
  return status === 200 ? 'written' : 'refused';
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
  fc.record({ read: fc.subarray([...names], { minLength: 1 }), isBatch: fc.boolean() }),
);

/** Each call takes its time, before it takes effect and after. */
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

describe('two fronts of one etcd', () => {
  it('give concurrent requests the results of some order of them, and leave each item with its entries', async () => {
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
            createFront({
              client: slow(etcd, pauses),
              timeToLiveAttribute: 'expiresAt',
              onGoneBack: (why) => {
                throw new Error(why);
              },
            }),
          );
          if (first === undefined || second === undefined) throw new Error('two fronts');
          await first('CreateTable', table);
          let states: readonly State[] = [{}];
          for (const burst of bursts) {
            const outcomes = await Promise.all(
              burst.map(([sent, isFirst]) => send(isFirst ? first : second, sent)),
            );
            const results = burst.map(([sent], index) => ({ sent, outcome: outcomes[index] }));
            // All states that an order with these outcomes leads to.
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
            `index/vault\0byOwner\0owner-${n}\0\0${name}\0`,
            `expiry/vault\x0000000000000${n}\0${name}\0`,
          ]);
          expect(entries.sort()).toEqual(expected.sort());
        },
      ),
      { numRuns: 300 },
    );
    expect(overlapped).toBeGreaterThan(100);
  });
});
