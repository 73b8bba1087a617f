/**
 * Access to the copies of the data: this node's own, and those of the other nodes, whose hashes it
 * requests. comparing.ts draws the conclusions.
 */
import type { EtcdClient } from '../etcd/etcd-client.ts';
import { areEqualFrom, compareCopies, type HashAnswer, readLatest } from './comparing.ts';
import type { Exchange } from './exchange.ts';
import type { Hashing } from './hashing.ts';
import type { KnownRevision } from './known-revision.ts';
import { nodeTimes } from './node-times.ts';
import type { PeerCall } from './peers.ts';

export type CopiesOptions = {
  readonly etcd: Pick<EtcdClient, 'range'>;
  readonly ask: PeerCall;
  readonly others: readonly number[];
  readonly hashing: Pick<Hashing, 'now'>;
  readonly known: Pick<KnownRevision, 'value'>;
  readonly exchange: Pick<Exchange, 'committed' | 'others'>;
};

export const createCopies = (options: CopiesOptions) => {
  const { etcd, ask, others, hashing, known, exchange } = options;
  const read = () => readLatest(etcd, () => ({ own: known.value(), others: exchange.committed() }));
  const hashOf = async (other: number, revision: number): Promise<HashAnswer> => {
    // A node that sends no reports is not asked for its hash, because waiting for it would block
    // the comparison for as long as a hash may take.
    const isAlive = exchange.others().some(({ node, alive }) => node === other && alive);
    if (!isAlive) throw new Error(`node ${other} is silent`);
    const limits = { body: JSON.stringify({ revision }), timeoutMs: nodeTimes.hashMs };
    return JSON.parse(await ask(other, 'POST', '/hash', limits));
  };
  return {
    /** Makes a linearizable read. Rejects if no majority answers. */
    read,
    /**
     * Compares this node's copy with those of the given nodes. Rejects if its own etcd does not
     * answer.
     */
    compareWith: (some: readonly number[]) =>
      compareCopies({ read, hashOwn: hashing.now, hashOf, others: some }),
    /**
     * Whether the other nodes form a majority by themselves, with equal data at this revision or a
     * later one, including every revision that any node knows.
     */
    doOthersAgree: (revision: number) =>
      areEqualFrom({
        revision: Math.max(revision, known.value()),
        heard: exchange.others(),
        others,
        hashOf,
      }),
  };
};
