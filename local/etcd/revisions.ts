/** Checks on the replies of one etcd: its revision never goes back, and its cluster stays the same. */
import type { RangeReply, TxnReply } from './etcd-client.ts';

export type Revisions = {
  /** The highest revision of any reply so far. */
  readonly highest: () => bigint;
  /**
   * The revision of a reply. Reports and throws if it is below `known`, the highest revision when the call was sent, or
   * of another cluster: then the member has lost state that it had confirmed.
   */
  readonly check: (reply: RangeReply | TxnReply, known: bigint) => string;
};

export const createRevisions = (onGoneBack: (sentence: string) => void): Revisions => {
  let highest = 0n;
  let cluster: string | undefined;
  return {
    highest: () => highest,
    check: ({ header }, known) => {
      const { revision, cluster_id: from } = header ?? { revision: '0', cluster_id: '' };
      cluster ??= from;
      const sentence =
        cluster === from
          ? `etcd answers at revision ${revision}, below ${known} that it had answered before`
          : `etcd answers for cluster ${from}, not ${cluster}`;
      if (cluster !== from || BigInt(revision) < known) {
        onGoneBack(sentence);
        throw new Error(sentence);
      }
      if (BigInt(revision) > highest) highest = BigInt(revision);
      return revision;
    },
  };
};
