/**
 * Compaction: the leader's node lets etcd forget the history of its keys. It compacts to the revision of one minute ago,
 * so that members which compare a newer revision find it. While a backup reads a revision, it goes no further than that,
 * unless the database nears its quota: then the backup ends, and the nodes go on writing.
 */
import { type EtcdClient, isOutOfRange, type Txn } from '../etcd/etcd-client.ts';
import type { MemberClient, MemberStatus } from '../etcd/member-client.ts';
import { findHeldRevision } from '../etcd/snapshot.ts';
import { isNearQuota } from './space.ts';

export type CompactionOptions = {
  readonly member: Pick<MemberClient, 'compact'>;
  readonly etcd: Pick<EtcdClient, 'range' | 'txn'>;
  readonly quotaBytes: number;
};

/** A compaction reads the whole database, so it waits for so many revisions; for fewer while space is short. */
const revisionsMin = 10_000;
const revisionsMinNearQuota = 100;
const withinMs = 5_000;

/**
 * After a compaction without a write, etcd answers for the hash of its last revision with one that it made while it
 * compacted. A member that has started since answers with another one, so the node would not serve. And etcd counts the
 * pages that a compaction frees only after its next write, and writes may be refused meanwhile.
 */
const smallWrite: Txn = {
  compare: [],
  success: [{ request_put: { key: Buffer.from('node/compaction'), value: Buffer.of() } }],
  failure: [],
};

/**
 * Returns a function to be called each minute, on every node, so that a new leader knows the revision of one minute ago.
 * It rejects if etcd does not compact; the next call compacts further.
 */
export const createCompaction = ({
  member,
  etcd,
  quotaBytes,
}: CompactionOptions): ((
  status: Pick<MemberStatus, 'revision' | 'isLeader' | 'dbBytes'>,
) => Promise<void>) => {
  let seen = 0;
  let compacted = 0;
  const compact = async (revision: number): Promise<void> => {
    try {
      await member.compact(revision, performance.now() + withinMs);
    } catch (error) {
      // The leader before has compacted as far.
      if (!isOutOfRange(error)) throw error;
    }
    compacted = revision;
  };
  return async ({ revision, isLeader, dbBytes }) => {
    const minuteAgo = seen;
    seen = revision;
    if (!isLeader) return;
    const isShort = isNearQuota(dbBytes, quotaBytes);
    const before = compacted;
    const from = compacted + (isShort ? revisionsMinNearQuota : revisionsMin);
    if (minuteAgo >= from) {
      const held = isShort ? undefined : await findHeldRevision(etcd, performance.now() + withinMs);
      const to = Math.min(minuteAgo, held ?? minuteAgo);
      if (to >= from) await compact(to);
    }
    if (isShort || compacted > before) await etcd.txn(smallWrite, performance.now() + withinMs);
  };
};
