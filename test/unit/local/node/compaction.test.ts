import { status } from '@grpc/grpc-js';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { createCompaction } from '../../../../local/node/upkeep.ts';
import { createMemoryEtcd, type MemoryEtcd } from '../../../support/memory-etcd.ts';
import { memberCallsOf } from '../../../support/nodes.ts';

const quotaBytes = 1_000_000;
let asked: number[];
let error: Error | undefined;
let etcd: MemoryEtcd;
let compact: ReturnType<typeof createCompaction>;
beforeEach(() => {
  asked = [];
  error = undefined;
  const member = memberCallsOf({
    compact: async (revision) => {
      asked.push(revision);
      if (error) throw error;
    },
  });
  etcd = createMemoryEtcd();
  compact = createCompaction({ member, etcd, quotaBytes });
});
const serviceError = (code: status) => Object.assign(new Error('etcd'), { code });

/** Runs one minute after the other, each with the revision that the member has reached. */
const minutes = async (
  revisions: readonly number[],
  { isLeader = true, dbBytes = 0 } = {},
): Promise<void> => {
  for (const revision of revisions) await compact({ revision, isLeader, dbBytes });
};

describe('compaction', () => {
  it('compacts to the revision of the minute before', async () => {
    await minutes([20_000, 50_000, 90_000]);
    expect(asked).toEqual([20_000, 50_000]);
  });

  it.each([
    [10_000, '80 %', 800_000, [10_000, 19_999, 20_000, 20_000], [10_000, 20_000]],
    [100, 'more', 800_001, [100, 199, 200, 200], [100, 200]],
  ])('waits for %i revisions while the database takes %s of its quota', async (...row) => {
    const [, , dbBytes, revisions, expected] = row;
    await minutes(revisions, { dbBytes });
    expect(asked).toEqual(expected);
  });

  it('writes a key after it has compacted, so that no node compares hashes of the compacted revision', async () => {
    await minutes([20_000, 20_000, 20_000]);
    expect(asked).toEqual([20_000]);
    expect([...etcd.items().keys()]).toEqual(['node/compaction']);
    expect(etcd.calls.filter((call) => 'success' in call)).toHaveLength(1);
  });

  it('writes a key while the database is above 80 % of its quota, so that etcd counts freed pages', async () => {
    await minutes([100], { dbBytes: 800_000 });
    await minutes([100], { dbBytes: 800_001, isLeader: false });
    expect(etcd.calls).toEqual([]);
    await minutes([100, 100], { dbBytes: 800_001 });
    expect(etcd.calls).toHaveLength(2);
    expect([...etcd.items().keys()]).toEqual(['node/compaction']);
  });

  it('compacts on the leader only, and a new leader knows the revision of the minute before', async () => {
    await minutes([20_000, 50_000], { isLeader: false });
    expect(asked).toEqual([]);
    await minutes([90_000]);
    expect(asked).toEqual([50_000]);
  });

  it('rejects if etcd does not compact, and goes further the next time', async () => {
    error = serviceError(status.UNAVAILABLE);
    await minutes([20_000]);
    await expect(minutes([20_001])).rejects.toBe(error);
    error = undefined;
    await minutes([20_002]);
    expect(asked).toEqual([20_000, 20_001]);
  });

  it('counts as done if the previous leader has compacted as far', async () => {
    error = serviceError(status.OUT_OF_RANGE);
    await minutes([20_000, 20_000, 20_000]);
    expect(asked).toEqual([20_000]);
  });
});
