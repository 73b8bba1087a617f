/**
 * Computes the hash of this node's copy, for comparisons and for the status, and keeps the last
 * one.
 */
import type { KeysHash, MemberClient } from '../etcd/member-client.ts';
import type { HashAnswer } from './comparing.ts';
import { nodeTimes } from './node-times.ts';
import type { Digest } from './report.ts';
import { isLarge } from './space.ts';

export const digestOf = ({ revision, compactRevision, hash }: KeysHash): Digest => ({
  revision,
  compactRevision,
  hash: hash.toString(16).padStart(8, '0'),
});

/**
 * Hashes for the status may take at most a fifth of etcd's time, however often the status is
 * requested.
 */
const restPerHash = 4;

export type Hashing = {
  /** Computes the hash at a revision. Rejects if etcd has not applied it, or has compacted it. */
  readonly at: (revision: number) => Promise<HashAnswer>;
  /** Computes the hash at the latest revision. */
  readonly now: () => Promise<HashAnswer>;
  /** The last hash that etcd computed. */
  readonly last: () => Digest | null;
  /**
   * Computes the hash of the latest revision for the status. Does nothing if the data take more
   * than 1 GB, if another hash for the status is being computed, or if the last one ended less than
   * four times its own duration ago. Never rejects.
   */
  readonly forStatus: () => Promise<void>;
};

/**
 * Creates the functions that hash the node's copy in etcd. `dbBytesInUse` returns the last known
 * size of the data in bytes.
 */
export const createHashing = (
  member: Pick<MemberClient, 'status' | 'hashKeys'>,
  dbBytesInUse: () => number,
): Hashing => {
  let last: Digest | null = null;
  let isHashing = false;
  let restsUntil = 0;
  const statusNow = () => member.status(performance.now() + nodeTimes.etcdCallMs);
  const at = async (revision: number): Promise<HashAnswer> => {
    const { version } = await statusNow();
    const keys = await member.hashKeys(revision, performance.now() + nodeTimes.hashMs);
    last = digestOf(keys);
    return { ...keys, etcd: version };
  };
  const now = async (): Promise<HashAnswer> => await at((await statusNow()).revision);
  return {
    at,
    now,
    last: () => last,
    forStatus: async () => {
      const began = performance.now();
      if (isLarge(dbBytesInUse()) || isHashing || began < restsUntil) return;
      isHashing = true;
      await now().catch(() => undefined);
      isHashing = false;
      const ended = performance.now();
      restsUntil = ended + restPerHash * (ended - began);
    },
  };
};
