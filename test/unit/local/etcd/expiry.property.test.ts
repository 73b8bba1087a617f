/** Each stored item with an expiry has one entry for it, whatever was written before. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { createFront } from '../../../../local/etcd/front.ts';
import { tableOf } from '../../../support/front-tables.ts';
import { createMemoryEtcd } from '../../../support/memory-etcd.ts';

const TableName = 'vault';
const names = ['a', 'b', 'c'] as const;

/** A time of at most twelve digits, in seconds, has an entry; other values have none. */
const expiries = [{ N: '7' }, { N: '1800000000' }, { N: '1.5' }, { S: '7' }] as const;
const seconds = new Map([
  ['7', '000000000007'],
  ['1800000000', '001800000000'],
]);
type Write = {
  readonly name: string;
  readonly expiry?: (typeof expiries)[number] | undefined;
  readonly isDelete?: boolean;
};
const name = fc.constantFrom(...names);
const put = fc.record({ name, expiry: fc.constantFrom(...expiries, undefined) });
const remove = fc.record({ name, isDelete: fc.constant(true) });
const write: fc.Arbitrary<Write> = fc.oneof(
  { weight: 3, arbitrary: put },
  { weight: 1, arbitrary: remove },
);

const actionOf = (one: Write) =>
  one.isDelete
    ? { Delete: { TableName, Key: { pk: { S: one.name } } } }
    : {
        Put: {
          TableName,
          Item: { pk: { S: one.name }, ...(one.expiry && { expiresAt: one.expiry }) },
        },
      };

/** The entry of an item, if its last write has left one. */
const entryOf = (writes: readonly Write[], pk: string): string[] => {
  const { expiry } = writes.findLast((one) => one.name === pk) ?? {};
  const second = expiry && 'N' in expiry ? seconds.get(expiry.N) : undefined;
  return second === undefined ? [] : [`expiry/${TableName}\0${second}\0${pk}\0`];
};

describe('a front', () => {
  it('leaves exactly the expiry entries of the items that are stored', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(write, fc.boolean()), { maxLength: 20 }), async (list) => {
        const etcd = createMemoryEtcd();
        const options = { client: etcd, timeToLiveAttribute: 'expiresAt' };
        const open = () => createFront({ ...options, onGoneBack: () => undefined });
        // The second front has not seen what the first has written.
        const fronts = [open(), open()] as const;
        await fronts[0]('CreateTable', tableOf(TableName, ['pk']));
        for (const [one, isFirst] of list) {
          const body = { TransactItems: [actionOf(one)] };
          const { status } = await fronts[isFirst ? 0 : 1]('TransactWriteItems', body);
          expect(status).toBe(200);
        }
        const writes = list.map(([one]) => one);
        const stored = [...etcd.items()].filter(([key]) => key.startsWith('expiry/'));
        expect(stored.map(([key]) => key).sort()).toEqual(
          names.flatMap((pk) => entryOf(writes, pk)).sort(),
        );
        for (const [key, json] of stored) {
          expect(JSON.parse(json)).toEqual({ pk: { S: key.split('\0')[2] } });
        }
      }),
    );
  });
});
