import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Item } from '../../../../functions/store/items.ts';
import { deleteExpired } from '../../../../host/etcd/expired-items.ts';
import { createEtcd, type Etcd } from '../../../../host/etcd/group-commit.ts';
import { changesOf, itemKey, textOf } from '../../../../host/etcd/stored-items.ts';
import { createExpiry } from '../../../../host/node/upkeep.ts';
import { createMemoryEtcd, type MemoryEtcd } from '../../../support/memory-etcd.ts';

const now = 1_000;
const callMs = 5_000;

let etcd: MemoryEtcd;
let deletions: Etcd;
let lines: string[];
const report = (line: string) => void lines.push(line);
const put = async (pk: string, expiresAt?: number): Promise<void> => {
  const item: Item = {
    ...{ pk: { S: pk }, sk: { S: 'RECORD' } },
    ...(expiresAt !== undefined && { expiresAt: { N: String(expiresAt) } }),
  };
  const key = itemKey({ pk, sk: 'RECORD' });
  const success = changesOf(key, undefined, { item, text: textOf(item) });
  await etcd.txn({ compare: [], success, failure: [] }, 0);
};
const itemsLeft = () =>
  [...etcd.items().keys()].flatMap((key) => (key.startsWith('item/') ? [key.split('\0')[1]] : []));
const entriesLeft = () => [...etcd.items().keys()].filter((key) => key.startsWith('expiry/'));

beforeEach(() => {
  etcd = createMemoryEtcd();
  deletions = createEtcd({
    client: etcd,
    onGoneBack: (sentence) => {
      throw new Error(sentence);
    },
  });
  lines = [];
});
afterEach(() => {
  jest.restoreAllMocks();
});

describe('deleteExpired', () => {
  it('deletes the items whose expiry second has passed, with their expiry entries, and nothing else', async () => {
    await put('past', 999);
    await put('now', 1_000);
    await put('future', 2_000);
    await put('forever');
    const other = {
      key: Buffer.from('expiry/vault2\x00000000000005\0p\0RECORD'),
      value: Buffer.of(),
    };
    await etcd.txn({ compare: [], success: [{ request_put: other }], failure: [] }, 0);
    expect(await deleteExpired(deletions, now, callMs)).toBe(1);
    expect(itemsLeft().sort()).toEqual(['forever', 'future', 'now']);
    expect(entriesLeft()).toEqual([
      'expiry/vault\x00000000001000\0now\0RECORD',
      'expiry/vault\x00000000002000\0future\0RECORD',
      other.key.toString(),
    ]);
  });

  it('deletes more items than fit into a page, with at most five calls for each page', async () => {
    for (let n = 0; n < 250; n += 1) await put(`item-${n}`, 1 + n);
    const before = etcd.calls.length;
    expect(await deleteExpired(deletions, now, callMs)).toBe(250);
    expect(itemsLeft()).toEqual([]);
    // For each page of expiry entries there is one read of the page, one or two reads of the items
    // that it names, and one or two writes, because the first request of a lane may go alone.
    expect(etcd.calls.length - before).toBeLessThanOrEqual(15);
  });

  it('keeps an item that is written again after its expiry entry was read', async () => {
    await put('renewed', 5);
    const renewing: Etcd = {
      ...deletions,
      read: async (ranges, deadline) => {
        const replies = await deletions.read(ranges, deadline);
        await put('renewed', 3_000);
        return replies;
      },
    };
    expect(await deleteExpired(renewing, now, callMs)).toBe(0);
    expect(itemsLeft()).toEqual(['renewed']);
  });

  it('leaves an item that was already gone out of the number of deletions that it returns', async () => {
    await put('gone', 5);
    const key = itemKey({ pk: 'gone', sk: 'RECORD' });
    await etcd.txn({ compare: [], success: [{ request_delete_range: { key } }], failure: [] }, 0);
    expect(await deleteExpired(deletions, now, callMs)).toBe(0);
  });

  it('rejects if a deletion fails', async () => {
    await put('past', 999);
    const write = () => Promise.reject(new Error('etcd does not accept requests at the moment'));
    await expect(deleteExpired({ ...deletions, write }, now, callMs)).rejects.toThrow(
      'etcd does not accept requests at the moment',
    );
  });
});

describe('createExpiry', () => {
  const hourMs = 3_600_000;
  const at = (ms: number) => {
    jest.spyOn(performance, 'now').mockReturnValue(ms);
    jest.spyOn(Date, 'now').mockReturnValue(now * 1_000 + 999);
  };

  it('sweeps when the member becomes the leader, and then every hour', async () => {
    const sweep = createExpiry({ deletions, report });
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

  it('keeps items of the current second, and reports nothing if nothing has expired', async () => {
    await put('now', now);
    at(0);
    await createExpiry({ deletions, report })({ isLeader: true });
    expect(itemsLeft()).toEqual(['now']);
    expect(lines).toEqual([]);
  });

  it('sweeps again at its next call if a sweep fails', async () => {
    await put('past', 999);
    let fails = true;
    const failingOnce: Etcd = {
      ...deletions,
      write: async (txn, deadline) => {
        if (fails) throw new Error('etcd does not accept requests at the moment');
        return await deletions.write(txn, deadline);
      },
    };
    const sweep = createExpiry({ deletions: failingOnce, report });
    at(0);
    await expect(sweep({ isLeader: true })).rejects.toThrow(
      'etcd does not accept requests at the moment',
    );
    fails = false;
    await sweep({ isLeader: true });
    expect(itemsLeft()).toEqual([]);
  });
});
