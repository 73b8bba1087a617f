/** Entries of several writes: each write has the outcome that it would have had alone, also where the store names none. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { LogEntry } from '../../local/replica/batch.ts';
import { errorName } from '../../local/replica/wire.ts';
import { createWrite, encodeEntry, type Write } from '../../local/replica/write.ts';
import { startApplying } from '../support/applying.ts';
import { keyOf, startBareStore, tableOf } from '../support/replica.ts';

let bare: Awaited<ReturnType<typeof startBareStore>>;
beforeEach(async () => {
  bare = await startBareStore();
});
afterEach(() => bare.close());

const TableName = 'vault';
const isNew = { ConditionExpression: 'attribute_not_exists(pk)' };
const isThere = { ConditionExpression: 'attribute_exists(pk)' };
const put = (pk: string, more: object = {}): Write =>
  createWrite('PutItem', { TableName, Item: keyOf(pk), ...more });
const keyed = (token: string, pk: string): Write =>
  createWrite('TransactWriteItems', {
    ClientRequestToken: token,
    TransactItems: [{ Put: { TableName, Item: keyOf(pk), ...isNew } }],
  });
const createTable = createWrite('CreateTable', tableOf(TableName));

/** A log of these entries. */
const logOf = (...entries: readonly (readonly Write[])[]): readonly LogEntry[] =>
  entries.map((writes, index) => ({
    revision: index + 2,
    version: index + 1,
    writes,
    bytes: encodeEntry(writes).length,
  }));

/** Applies the entries after one that makes the table; what became of each write, by entry. */
const outcomesOf = async (...entries: readonly (readonly Write[])[]) => {
  const applying = await startApplying(bare.client);
  const log = logOf([createTable], ...entries);
  await applying.apply(log);
  await applying.close();
  expect(applying.revision()).toBe(log.at(-1)?.revision);
  return entries.map((writes) =>
    writes.map(({ id }) => {
      const reply = applying.outcomes.get(id);
      return reply?.status === 200 ? 'applied' : reply && errorName(reply);
    }),
  );
};
const keysThere = async (): Promise<readonly unknown[]> => {
  const { body } = await bare.client.call('Scan', { TableName });
  const items = body['Items'] as readonly { readonly pk: { readonly S: string } }[];
  return items.map(({ pk }) => pk.S).sort();
};

describe('an entry of several writes', () => {
  it('has those refused whose conditions do not hold, and the others applied', async () => {
    expect(
      await outcomesOf([put('a')], [put('a', isNew), put('b', isNew), put('c', isNew)]),
    ).toEqual([['applied'], ['ConditionalCheckFailedException', 'applied', 'applied']]);
    expect(await keysThere()).toEqual(['a', 'b', 'c']);
  });

  it.each([
    ['an empty key', put('')],
    ['a condition that is none', put('w', { ConditionExpression: 'nonsense here' })],
    ['a value that is not used', put('w', { ExpressionAttributeValues: { ':v': { S: 'x' } } })],
    ['a number that is none', put('w', { Item: { ...keyOf('w'), n: { N: 'x' } } })],
  ])(
    'has those refused that the store refuses for what they are, and the others applied: %s',
    async (_, wrong) => {
      const expected = [['ValidationException', 'applied', 'ConditionalCheckFailedException']];
      expect(await outcomesOf([wrong, put('b', isNew), put('c', isThere)])).toEqual(expected);
      expect(await keysThere()).toEqual(['b']);
    },
  );

  it('has all refused if the store refuses only the whole, and the log goes on', async () => {
    expect(await outcomesOf([put('a'), put('a')], [put('b')])).toEqual([
      ['ValidationException', 'ValidationException'],
      ['applied'],
    ]);
    expect(await keysThere()).toEqual(['b']);
  });

  it('leaves a receipt of each token, and none of one that was refused', async () => {
    expect(
      await outcomesOf(
        [put('x')],
        [keyed('t', 'a'), keyed('u', 'x'), keyed('v', 'b')],
        [keyed('t', 'a'), keyed('u', 'c')],
        [keyed('v', 'd')],
      ),
    ).toEqual([
      ['applied'],
      ['applied', 'TransactionCanceledException', 'applied'],
      ['applied', 'applied'],
      ['IdempotentParameterMismatchException'],
    ]);
    expect(await keysThere()).toEqual(['a', 'b', 'c', 'x']);
  });

  it('knows the receipts of all its tokens again after a start', async () => {
    const log = logOf(
      [createTable],
      [keyed('t', 'a'), keyed('u', 'b')],
      [keyed('u', 'b'), keyed('t', 'z')],
    );
    const applying = await startApplying(bare.client);
    await applying.apply(log.slice(0, 2));
    await applying.close();
    const again = await startApplying(bare.client);
    await again.apply(log);
    await again.close();
    expect([...again.outcomes.values()].map((reply) => [reply.status, errorName(reply)])).toEqual([
      [200, ''],
      [400, 'IdempotentParameterMismatchException'],
    ]);
  });
});
