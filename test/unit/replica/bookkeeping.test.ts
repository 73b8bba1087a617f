import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  type Bookkeeping,
  bindCluster,
  movePosition,
  openBookkeeping,
  readPosition,
  writeReceipts,
  writeTable,
} from '../../../local/replica/bookkeeping.ts';
import { startPosition } from '../../../local/replica/digest.ts';
import { judgeToken, rememberReceipt } from '../../../local/replica/receipts.ts';
import { createWrite, type Write } from '../../../local/replica/write.ts';
import { startBareStore } from '../../support/replica.ts';

/** So many revisions later a token means nothing. */
const known = 100_000;
const token = { value: 't', request: 'r' };
const bookkeepingOf = (): Bookkeeping => ({
  position: startPosition,
  cluster: undefined,
  tables: new Map(),
  receipts: new Map(),
});
const writeOf = (request: string): Write => ({
  ...createWrite('PutItem', {}),
  token: { value: 't', request },
});

describe('a receipt', () => {
  it('stands for one request, for 100,000 revisions', () => {
    const bookkeeping = bookkeepingOf();
    expect(judgeToken(bookkeeping, 4, writeOf('r'))).toBeUndefined();
    rememberReceipt(bookkeeping, 5, token);
    const codes = [6, 5 + known - 1, 5 + known].map((revision) =>
      ['r', 'another'].map((request) => judgeToken(bookkeeping, revision, writeOf(request))?.code),
    );
    const both = ['repeated', 'IdempotentParameterMismatchException'];
    expect(codes).toEqual([both, both, [undefined, undefined]]);
  });

  it('is forgotten in memory when it is too old, and renewed when its token is used again', () => {
    const bookkeeping = bookkeepingOf();
    rememberReceipt(bookkeeping, 5, token);
    rememberReceipt(bookkeeping, 6, { ...token, value: 'u' });
    rememberReceipt(bookkeeping, 7 + known, token);
    rememberReceipt(bookkeeping, known + 1_000, { ...token, value: 'v' });
    expect([...bookkeeping.receipts.keys()]).toEqual(['t', 'v']);
    expect(bookkeeping.receipts.get('t')?.revision).toBe(7 + known);
  });

  it('takes the place of the one that is too old, and of no other', () => {
    const slots = [5, 6, 5 + known, 5 + 2 * known].map(
      (revision) => writeReceipts(revision, [token])['Put']?.['Item'] as Record<string, unknown>,
    );
    const [one, next, same, again] = slots.map((item) => JSON.stringify(item['sk']));
    expect([same, again]).toEqual([one, one]);
    expect(next).not.toBe(one);
  });
});

describe('what a replica keeps of itself in its store', () => {
  let bare: Awaited<ReturnType<typeof startBareStore>>;
  beforeEach(async () => {
    bare = await startBareStore();
    // Makes the table for it.
    await openBookkeeping(bare.client);
  });
  afterEach(() => bare.close());
  const write = async (...TransactItems: readonly object[]): Promise<number> =>
    (await bare.client.call('TransactWriteItems', { TransactItems })).status;
  const at = (revision: number) => ({ revision, version: revision - 1, digest: `d${revision}` });

  it('is nothing at first, and stays what it is when it is opened again', async () => {
    expect(await openBookkeeping(bare.client)).toEqual(bookkeepingOf());
    expect(await write(movePosition(startPosition, at(7)))).toBe(200);
    expect((await openBookkeeping(bare.client)).position).toEqual(at(7));
  });

  it('moves from where it stands, and from nowhere else', async () => {
    expect(await write(movePosition(startPosition, at(7)))).toBe(200);
    expect(await write(movePosition(at(6), at(8)))).toBe(400);
    expect(await write(movePosition(at(8), at(9)))).toBe(400);
    expect(await readPosition(bare.client)).toEqual(at(7));
    expect(await write(movePosition(at(7), at(9)))).toBe(200);
    expect(await readPosition(bare.client)).toEqual(at(9));
  });

  it('is bound to one log, once and for all', async () => {
    await bindCluster(bare.client, 'one');
    await expect(bindCluster(bare.client, 'another')).rejects.toThrow('not bound');
    expect((await openBookkeeping(bare.client)).cluster).toBe('one');
  });

  it('holds tables, and every receipt, the latest last, however many pages they fill', async () => {
    await write(writeTable('vault', ['pk', 'sk']), writeTable('other', ['id']));
    const large = 'x'.repeat(30_000);
    // The revisions wrap around the ring of slots.
    const revisions = Array.from({ length: 60 }, (_, index) => known - 30 + index);
    for (const revision of revisions) {
      const tokens = ['t', 'u'].map((value) => ({ value: `${value}${revision}`, request: large }));
      await write(writeReceipts(revision, tokens));
    }
    const { tables, receipts } = await openBookkeeping(bare.client);
    expect(tables).toEqual(
      new Map([
        ['other', ['id']],
        ['vault', ['pk', 'sk']],
      ]),
    );
    const each = revisions.flatMap((revision) => [revision, revision]);
    expect([...receipts.values()].map(({ revision }) => revision)).toEqual(each);
    expect(receipts.get(`u${known}`)).toEqual({ revision: known, request: large });
  });
});
