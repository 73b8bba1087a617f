/** Hashing this node's copy, for comparisons and for the status. */
import type { KeysHash, MemberClient } from '../etcd/member-client.ts';
import type { HashAnswer } from './comparing.ts';
import { nodeTimes } from './node-times.ts';
import type { Digest } from './report.ts';
import { isLarge } from './space.ts';
import type { EtcdFacts } from './watching.ts';

export const digestOf = ({ revision, compactRevision, hash }: KeysHash): Digest => ({
  revision,
  compactRevision,
  hash: hash.toString(16).padStart(8, '0'),
});

/** Hashes for the status take at most a fifth of etcd's time, however often people ask for the status. */
const restPerHash = 4;

export type Hashing = {
  /** The hash at a revision that etcd has applied. Rejects if etcd has not. */
  readonly at: (revision: number) => Promise<HashAnswer>;
  /** The hash at the last revision. */
  readonly now: () => Promise<HashAnswer>;
  /**
   * Hashes the last revision for the status. No hash is made above 1 GB, while another one runs, and for 4 t after a hash
   * that took t. Never rejects.
   */
  readonly forStatus: () => Promise<void>;
};

/** Hashes the copy in etcd. `facts` get each hash. */
export const createHashing = (
  member: Pick<MemberClient, 'status' | 'hashKeys'>,
  facts: EtcdFacts,
): Hashing => {
  let isHashing = false;
  let restsUntil = 0;
  const statusNow = () => member.status(performance.now() + nodeTimes.etcdCallMs);
  const at = async (revision: number): Promise<HashAnswer> => {
    const { version } = await statusNow();
    const keys = await member.hashKeys(revision, performance.now() + nodeTimes.hashMs);
    facts.hash = digestOf(keys);
    return { ...keys, etcd: version };
  };
  const now = async (): Promise<HashAnswer> => await at((await statusNow()).revision);
  return {
    at,
    now,
    forStatus: async () => {
      const began = performance.now();
      if (isLarge(facts.status?.dbBytes ?? 0) || isHashing || began < restsUntil) return;
      isHashing = true;
      await now().catch(() => undefined);
      isHashing = false;
      const ended = performance.now();
      restsUntil = ended + restPerHash * (ended - began);
    },
  };
};
