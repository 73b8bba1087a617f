import { describe, expect, it } from '@jest/globals';
import { errorName, refuse, type Wire } from '../../../local/replica/wire.ts';
import {
  actionsOf,
  appliedReply,
  createWrite,
  decodeEntry,
  encodeEntry,
  isReturning,
  outcomeCode,
  refusedReply,
  type WriteOperation,
} from '../../../local/replica/write.ts';

const put = { TableName: 'vault', Item: { pk: { S: 'a' } } };
const entryOf = (operation: WriteOperation, body: Wire) => createWrite(operation, body);
const cancelled = (...reasons: readonly object[]) =>
  refuse('TransactionCanceledException', 'cancelled', { CancellationReasons: reasons });

describe('an entry', () => {
  it('is fresh for each request, and is read as it was written', () => {
    const [one, other] = [entryOf('PutItem', put), entryOf('PutItem', put)];
    expect(one.id).not.toBe(other.id);
    expect(decodeEntry(encodeEntry([one, other]))).toEqual([one, other]);
  });

  it.each([
    ...['', 'nothing', '7', 'null', '[]', '{}', '{"id":"x","body":{}}', '[7]'],
    ...['[{"id":"x"}]', '[{"id":7,"body":{}}]', '[{"id":"x","body":{}},{}]'],
  ])('is not %p', (text) => {
    expect(() => decodeEntry(Buffer.from(text))).toThrow('the log holds what is no entry');
  });

  it('takes the token of a transaction out of the request, and knows the request again', () => {
    const request = { TransactItems: [{ Put: put }] };
    const same = {
      ClientRequestToken: 't',
      TransactItems: [{ Put: { Item: put.Item, TableName: 'vault' } }],
    };
    const entry = entryOf('TransactWriteItems', { ...request, ClientRequestToken: 't' });
    expect(entry.body).toEqual(request);
    expect(entry.token?.value).toBe('t');
    expect(entryOf('TransactWriteItems', same).token).toEqual(entry.token);
    const another = { TransactItems: [{ Delete: put }], ClientRequestToken: 't' };
    expect(entryOf('TransactWriteItems', another).token?.request).not.toBe(entry.token?.request);
    expect(entryOf('TransactWriteItems', request).token).toBeUndefined();
  });

  it('of a single write has no token', () => {
    const entry = entryOf('PutItem', { ...put, ClientRequestToken: 't' });
    expect([entry.token, entry.body]).toEqual([undefined, put]);
  });

  it.each([
    ['PutItem', 'Put'],
    ['UpdateItem', 'Update'],
    ['DeleteItem', 'Delete'],
  ] as const)(
    'of a %s is a transaction of one %s, without what a transaction has elsewhere',
    (operation, verb) => {
      const more = {
        ReturnValues: 'ALL_OLD',
        ReturnConsumedCapacity: 'TOTAL',
        ReturnItemCollectionMetrics: 'SIZE',
      };
      const kept = { ...put, ReturnValuesOnConditionCheckFailure: 'ALL_OLD' };
      expect(actionsOf(entryOf(operation, { ...kept, ...more }))).toEqual([{ [verb]: kept }]);
    },
  );

  it('of a transaction has its actions; of a table it has none', () => {
    const TransactItems = [{ Put: put }, { Delete: put }];
    expect(actionsOf(entryOf('TransactWriteItems', { TransactItems }))).toEqual(TransactItems);
    expect(actionsOf(entryOf('CreateTable', { TableName: 'vault' }))).toEqual([]);
  });

  it('returns items only where it is asked to', () => {
    const asked = [undefined, 'NONE', 'ALL_OLD', 'ALL_NEW'].map((ReturnValues) =>
      isReturning(entryOf('UpdateItem', { ...put, ...(ReturnValues && { ReturnValues }) })),
    );
    expect(asked).toEqual([false, false, true, true]);
  });
});

describe('the reply to an entry that was applied', () => {
  it('is empty, or what was asked for', () => {
    expect(appliedReply(entryOf('PutItem', put))).toEqual({ status: 200, body: {} });
    const Attributes = { pk: { S: 'a' } };
    expect(appliedReply(entryOf('PutItem', put), { Attributes }).body).toEqual({ Attributes });
  });

  it.each([
    [{ s: { S: 'x'.repeat(1_018) } }, 1],
    [{ s: { S: 'x'.repeat(1_022) } }, 2],
    [{ s: { S: 'é'.repeat(511) } }, 2],
    [{ b: { B: Buffer.alloc(1_500).toString('base64') } }, 2],
    [{ n: { N: '1'.repeat(38) } }, 1],
    [{ l: { L: [{ S: 'x'.repeat(2_000) }] } }, 2],
  ])('counts a unit a started KiB, in a transaction two (%#)', (more, units) => {
    const Put = { TableName: 'vault', Item: { ...put.Item, ...more } };
    const asked = { ReturnConsumedCapacity: 'TOTAL' };
    expect(appliedReply(entryOf('PutItem', { ...Put, ...asked })).body['ConsumedCapacity']).toEqual(
      {
        TableName: 'vault',
        CapacityUnits: units,
      },
    );
    const whole = {
      TransactItems: [
        { Put },
        { Delete: { TableName: 'other', Key: put.Item } },
        { ConditionCheck: { TableName: 'other', Key: put.Item } },
      ],
      ...asked,
    };
    expect(appliedReply(entryOf('TransactWriteItems', whole)).body['ConsumedCapacity']).toEqual([
      { TableName: 'vault', CapacityUnits: 2 * units },
      { TableName: 'other', CapacityUnits: 4 },
    ]);
  });
});

describe('the reply to an entry that was refused', () => {
  const single = entryOf('PutItem', put);
  const whole = entryOf('TransactWriteItems', { TransactItems: [{ Put: put }] });
  const failed = { Code: 'ConditionalCheckFailed', Message: 'it failed', Item: put.Item };

  it('of a single write is the error that it would have had alone, with the item', () => {
    expect(refusedReply(single, cancelled(failed), [failed])).toEqual({
      status: 400,
      body: {
        __type: 'com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException',
        message: 'it failed',
        Item: put.Item,
      },
    });
    const invalid = { Code: 'ValidationError', Message: 'it is wrong' };
    expect(refusedReply(single, cancelled(invalid), [invalid])).toEqual(
      refuse('ValidationException', 'it is wrong'),
    );
  });

  it('of a transaction has the reasons that are its own, and no others', () => {
    const own = [{ Code: 'None' }, failed];
    const reply = refusedReply(whole, cancelled({ Code: 'None' }, ...own, failed), own);
    expect(reply.body['CancellationReasons']).toEqual(own);
    expect(reply.body['message']).toContain('[None, ConditionalCheckFailed]');
    expect(reply.body['Message']).toBe(reply.body['message']);
  });

  it('is the word of the store where it has refused the transaction as a whole', () => {
    const reply = refuse('ResourceNotFoundException', 'it is not there');
    expect(refusedReply(single, reply, [])).toBe(reply);
    expect(refusedReply(whole, reply, [])).toBe(reply);
  });
});

describe('the code of an outcome', () => {
  it('tells outcomes apart that differ, and takes no part of an item or a sentence', () => {
    const codes = [
      { status: 200, body: {} },
      refuse('ValidationException', 'one sentence'),
      cancelled({ Code: 'None' }, { Code: 'ConditionalCheckFailed' }),
      cancelled({ Code: 'ConditionalCheckFailed' }, { Code: 'None' }),
    ].map(outcomeCode);
    expect(new Set(codes).size).toBe(4);
    expect(outcomeCode(refuse('ValidationException', 'another sentence'))).toBe(codes[1]);
    const item = { Code: 'ConditionalCheckFailed', Item: put.Item };
    expect(outcomeCode(cancelled({}, item))).toBe(codes[2]);
    expect(errorName(cancelled())).toBe('TransactionCanceledException');
  });
});
