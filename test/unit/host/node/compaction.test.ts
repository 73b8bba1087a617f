import { status } from '@grpc/grpc-js';
import { beforeEach, describe, expect, it } from '@jest/globals';
import type { EtcdClient, KeyValue } from '../../../../host/etcd/etcd-client.ts';
import { createCompaction } from '../../../../host/node/upkeep.ts';
import { createMemoryEtcd, type MemoryEtcd } from '../../../support/memory-etcd.ts';
import { memberCallsOf } from '../../../support/nodes.ts';

const quotaBytes = 1_000_000;
let asked: number[];
let error: Error | undefined;
let etcd: MemoryEtcd;
let held: KeyValue[];
let compact: ReturnType<typeof createCompaction>;
beforeEach(() => {
  asked = [];
  error = undefined;
  held = [];
  const member = memberCallsOf({
    compact: async (revision) => {
      asked.push(revision);
      if (error) throw error;
    },
  });
  etcd = createMemoryEtcd();
  const range: EtcdClient['range'] = async () => ({ header: null, kvs: held, more: false });
  compact = createCompaction({ member, etcd: { ...etcd, range }, quotaBytes });
});
const serviceError = (code: status) => Object.assign(new Error('etcd'), { code });

/**
 * Runs the compaction once for each of these revisions, as in successive minutes. Each time, the
 * member has reached that revision.
 */
const minutes = async (
  revisions: readonly number[],
  { isLeader = true, dbBytesInUse = 0 } = {},
): Promise<void> => {
  for (const revision of revisions) await compact({ revision, isLeader, dbBytesInUse });
};

describe('compaction', () => {
  it('compacts to the revision of one minute ago', async () => {
    await minutes([20_000, 50_000, 90_000]);
    expect(asked).toEqual([20_000, 50_000]);
  });

  it.each([
    [10_000, '80 %', 800_000, [10_000, 19_999, 20_000, 20_000], [10_000, 20_000]],
    [100, 'more than 80 %', 800_001, [100, 199, 200, 200], [100, 200]],
  ])(
    'waits until %i revisions have accumulated while the data take %s of the quota',
    async (...row) => {
      const [, , dbBytesInUse, revisions, expected] = row;
      await minutes(revisions, { dbBytesInUse });
      expect(asked).toEqual(expected);
    },
  );

  it('keeps the oldest of the revisions that snapshots still read', async () => {
    held = ['12000', '40000'].map((create_revision) => ({
      ...{ key: Buffer.from('snapshot/'), value: Buffer.of(), lease: '0' },
      ...{ create_revision, mod_revision: create_revision },
    }));
    await minutes([20_000, 50_000, 90_000]);
    expect(asked).toEqual([12_000]);
  });

  it('is followed by a write, so that nodes do not compare hashes at the compacted revision', async () => {
    await minutes([20_000, 20_000, 20_000]);
    expect(asked).toEqual([20_000]);
    expect([...etcd.items().keys()]).toEqual(['node/compaction']);
    expect(etcd.calls.filter((call) => 'success' in call)).toHaveLength(1);
  });

  it.each([
    ['the leader', true],
    ['another node', false],
  ])(
    'makes a write each minute on %s while its data exceed 80 %% of the quota, so that its etcd counts freed pages',
    async (_, isLeader) => {
      await minutes([100], { dbBytesInUse: 800_000, isLeader });
      expect(etcd.calls).toEqual([]);
      await minutes([100, 100], { dbBytesInUse: 800_001, isLeader });
      expect(etcd.calls).toHaveLength(2);
      expect([...etcd.items().keys()]).toEqual(['node/compaction']);
    },
  );

  it('happens on the leader only, and a new leader knows the revision of one minute ago', async () => {
    await minutes([20_000, 50_000], { isLeader: false });
    expect(asked).toEqual([]);
    await minutes([90_000]);
    expect(asked).toEqual([50_000]);
  });

  it('rejects if etcd fails to compact, and compacts to a later revision the next time', async () => {
    error = serviceError(status.UNAVAILABLE);
    await minutes([20_000]);
    await expect(minutes([20_001])).rejects.toBe(error);
    error = undefined;
    await minutes([20_002]);
    expect(asked).toEqual([20_000, 20_001]);
  });

  it('succeeds, and is not tried again, if the previous leader has already compacted to the same revision', async () => {
    error = serviceError(status.OUT_OF_RANGE);
    await minutes([20_000, 20_000, 20_000]);
    expect(asked).toEqual([20_000]);
  });
});
