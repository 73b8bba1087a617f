import { describe, expect, it } from '@jest/globals';
import { countTogether, type LogEntry } from '../../../local/replica/batch.ts';
import type { Wire } from '../../../local/replica/wire.ts';
import type { WriteOperation } from '../../../local/replica/write.ts';
import { toLogEntries } from '../../support/write-requests.ts';

const tables = new Map([
  ['vault', ['pk', 'sk']],
  ['other', ['id']],
]);
const key = (pk: string) => ({ pk: { S: pk }, sk: { S: '-' } });
const put = (pk: string, more: object = {}) => ({
  TableName: 'vault',
  Item: { ...key(pk), n: { N: '1' } },
  ...more,
});
const check = (pk: string) => ({
  TableName: 'vault',
  Key: key(pk),
  ConditionExpression: 'attribute_exists(pk)',
});
type Request = { readonly operation: WriteOperation; readonly body: Wire };
const single = (pk: string, more: object = {}): Request => ({
  operation: 'PutItem',
  body: put(pk, more),
});
const whole = (actions: readonly object[], token?: string): Request => ({
  operation: 'TransactWriteItems',
  body: { TransactItems: actions, ...(token && { ClientRequestToken: token }) },
});
const puts = (from: number, count: number) =>
  Array.from({ length: count }, (_, index) => ({ Put: put(`k${from + index}`) }));

const queueOf = (...requests: readonly Request[]): readonly LogEntry[] =>
  toLogEntries(requests, { revision: 1, version: 0 });
/** How many entries each transaction takes, until the queue is empty. */
const runsOf = (queue: readonly LogEntry[]): readonly number[] => {
  const count = countTogether(queue, tables);
  return count === 0 ? [] : [count, ...runsOf(queue.slice(count))];
};

describe('a run of entries', () => {
  it('is empty if there is none', () => {
    expect(countTogether([], tables)).toBe(0);
  });

  it('is the first entries, whose items are all different', () => {
    const queue = queueOf(single('a'), single('b'), single('c'));
    expect(countTogether(queue, tables)).toBe(3);
  });

  it('ends before an item that is taken, by whatever action', () => {
    expect(runsOf(queueOf(single('a'), single('b'), single('a'), single('b')))).toEqual([2, 2]);
    const update = { TableName: 'vault', Key: key('a'), UpdateExpression: 'REMOVE n' };
    for (const request of [
      { operation: 'UpdateItem', body: update },
      { operation: 'DeleteItem', body: { TableName: 'vault', Key: key('a') } },
      whole([{ ConditionCheck: check('a') }]),
      whole([{ Put: put('x') }, { ConditionCheck: check('a') }]),
    ] as const) {
      expect(runsOf(queueOf(single('a'), request))).toEqual([1, 1]);
      expect(runsOf(queueOf(request, single('a')))).toEqual([1, 1]);
    }
  });

  it('tells items of two tables, and the parts of a key, apart', () => {
    const other = {
      operation: 'PutItem',
      body: { TableName: 'other', Item: { id: { S: 'a' } } },
    } as const;
    const shifted = { TableName: 'vault', Item: { pk: { S: '-' }, sk: { S: 'a' } } };
    expect(runsOf(queueOf(single('a'), other, { operation: 'PutItem', body: shifted }))).toEqual([
      3,
    ]);
  });

  it('ends before a token that it has', () => {
    const queue = queueOf(
      whole([{ Put: put('a') }], 't'),
      whole([{ Put: put('b') }], 'u'),
      whole([{ Put: put('c') }], 't'),
    );
    expect(runsOf(queue)).toEqual([2, 1]);
  });

  it('has 99 actions and receipts at most: one more moves the position', () => {
    expect(runsOf(queueOf(whole(puts(0, 98)), single('a'), single('b')))).toEqual([2, 1]);
    expect(runsOf(queueOf(whole(puts(0, 98), 't'), single('a')))).toEqual([1, 1]);
    expect(
      runsOf(queueOf(...Array.from({ length: 120 }, (_, index) => single(`s${index}`)))),
    ).toEqual([99, 21]);
  });

  it('has 3 MB at most, unless one entry alone has more', () => {
    const large = (pk: string, bytes: number) => single(pk, { x: 'x'.repeat(bytes) });
    expect(
      runsOf(queueOf(large('a', 1_400_000), large('b', 1_400_000), large('c', 1_400_000))),
    ).toEqual([2, 1]);
    expect(runsOf(queueOf(large('a', 4_000_000), single('b')))).toEqual([1, 1]);
  });

  it.each<[string, Request]>([
    ['makes a table', { operation: 'CreateTable', body: { TableName: 'x' } }],
    ['returns an item', single('z', { ReturnValues: 'ALL_OLD' })],
    [
      'is on a table that is not there',
      { operation: 'PutItem', body: { ...put('z'), TableName: 'x' } },
    ],
    [
      'has half a key',
      { operation: 'PutItem', body: { TableName: 'vault', Item: { pk: { S: 'z' } } } },
    ],
    [
      'has a key that can be spelled in other ways',
      {
        operation: 'PutItem',
        body: { TableName: 'other', Item: { id: { N: '1.0' } } },
      },
    ],
    [
      'has a key of bytes that can be spelled in other ways',
      { operation: 'PutItem', body: { TableName: 'other', Item: { id: { B: 'AR==' } } } },
    ],
    ['has no item', { operation: 'PutItem', body: { TableName: 'vault' } }],
    ['acts twice on one item', whole([{ Put: put('z') }, { ConditionCheck: check('z') }])],
  ])('has an entry alone that %s', (_, alone) => {
    expect(runsOf(queueOf(single('a'), alone, single('b'), single('c')))).toEqual([1, 1, 2]);
    expect(runsOf(queueOf(alone, alone))).toEqual([1, 1]);
  });
});
