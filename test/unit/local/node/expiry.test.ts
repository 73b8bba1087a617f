import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { unavailable } from '../../../../local/etcd/dynamodb-protocol.ts';
import { createFront, type Front } from '../../../../local/etcd/front.ts';
import { createExpiry, deleteExpired, type ExpiryOptions } from '../../../../local/node/upkeep.ts';
import { tableOf } from '../../../support/front-tables.ts';
import { createMemoryEtcd, type MemoryEtcd } from '../../../support/memory-etcd.ts';

const TableName = 'vault';
const now = 1_000;

let etcd: MemoryEtcd;
let front: Front;
let lines: string[];
const open = (more: Partial<ExpiryOptions> = {}): ExpiryOptions => ({
  etcd,
  front,
  tableName: TableName,
  attribute: 'expiresAt',
  report: (line) => lines.push(line),
  ...more,
});
const createTable = (name: string) => front('CreateTable', tableOf(name));
const put = async (pk: string, expiresAt?: number, table = TableName): Promise<void> => {
  const expiry = expiresAt === undefined ? {} : { expiresAt: { N: String(expiresAt) } };
  const Item = { pk: { S: pk }, sk: { S: 'RECORD' }, ...expiry };
  expect((await front('PutItem', { TableName: table, Item })).status).toBe(200);
};
const itemsLeft = () =>
  [...etcd.items().keys()].flatMap((key) => (key.startsWith('item/') ? [key.split('\0')[1]] : []));
const entriesLeft = () => [...etcd.items().keys()].filter((key) => key.startsWith('expiry/'));

beforeEach(async () => {
  etcd = createMemoryEtcd();
  front = createFront({
    client: etcd,
    timeToLiveAttribute: 'expiresAt',
    onGoneBack: (sentence) => {
      throw new Error(sentence);
    },
  });
  lines = [];
  await createTable(TableName);
});
afterEach(() => {
  jest.restoreAllMocks();
});

describe('deleteExpired', () => {
  it('deletes the items whose second has passed, with their entries, and no others', async () => {
    await createTable('vault2');
    await put('past', 999);
    await put('now', 1_000);
    await put('future', 2_000);
    await put('forever');
    await put('elsewhere', 5, 'vault2');
    expect(await deleteExpired(open(), now)).toBe(1);
    expect(itemsLeft().sort()).toEqual(['elsewhere', 'forever', 'future', 'now']);
    expect(entriesLeft()).toEqual([
      'expiry/vault\x00000000001000\0now\0RECORD',
      'expiry/vault\x00000000002000\0future\0RECORD',
      'expiry/vault2\x00000000000005\0elsewhere\0RECORD',
    ]);
  });

  it('deletes more items than a page has, each page in one call', async () => {
    for (let n = 0; n < 250; n += 1) await put(`item-${n}`, 1 + n);
    const before = etcd.calls.length;
    expect(await deleteExpired(open(), now)).toBe(250);
    expect(itemsLeft()).toEqual([]);
    // Three reads of pages, and for each page at most two writes: the first deletion may go alone.
    expect(etcd.calls.length - before).toBeLessThanOrEqual(9);
  });

  it('leaves an item that is written again after its entry was read', async () => {
    await put('renewed', 5);
    const renewing: Front = async (operation, body) => {
      await put('renewed', 3_000);
      return await front(operation, body);
    };
    expect(await deleteExpired(open({ front: renewing }), now)).toBe(0);
    expect(itemsLeft()).toEqual(['renewed']);
  });

  it('rejects with the sentence of a deletion that fails', async () => {
    await put('past', 999);
    const failing: Front = async () => unavailable('etcd takes no requests now');
    await expect(deleteExpired(open({ front: failing }), now)).rejects.toThrow(
      'etcd takes no requests now',
    );
  });
});

describe('createExpiry', () => {
  const hourMs = 3_600_000;
  const at = (ms: number) => {
    jest.spyOn(performance, 'now').mockReturnValue(ms);
    jest.spyOn(Date, 'now').mockReturnValue(now * 1_000 + 999);
  };

  it('sweeps when the member becomes the leader, and then each hour', async () => {
    const sweep = createExpiry(open());
    const sweepsAt = async (ms: number, isLeader: boolean): Promise<boolean> => {
      at(0);
      await put('past', 999);
      at(ms);
      await sweep({ isLeader });
      return itemsLeft().length === 0;
    };
    expect(await sweepsAt(1_000, false)).toBe(false);
    expect(await sweepsAt(2_000, true)).toBe(true);
    expect(await sweepsAt(2_000 + hourMs - 1, true)).toBe(false);
    expect(await sweepsAt(2_000 + hourMs, true)).toBe(true);
    expect(await sweepsAt(3_000 + hourMs, false)).toBe(false);
    expect(await sweepsAt(4_000 + hourMs, true)).toBe(true);
    expect(lines).toEqual(Array(3).fill('1 expired items were deleted'));
  });

  it('leaves the items of the current second, and reports nothing if nothing has expired', async () => {
    await put('now', now);
    at(0);
    await createExpiry(open())({ isLeader: true });
    expect(itemsLeft()).toEqual(['now']);
    expect(lines).toEqual([]);
  });

  it('sweeps at its next call if a sweep fails', async () => {
    await put('past', 999);
    let fails = true;
    const failingOnce: Front = async (operation, body) =>
      fails ? unavailable('etcd takes no requests now') : await front(operation, body);
    const sweep = createExpiry(open({ front: failingOnce }));
    at(0);
    await expect(sweep({ isLeader: true })).rejects.toThrow('etcd takes no requests now');
    fails = false;
    await sweep({ isLeader: true });
    expect(itemsLeft()).toEqual([]);
  });
});
