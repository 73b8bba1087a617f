/**
 * The highest revision that this node has answered or applied, including before a restart. It was
 * committed, so a copy with a lower revision lacks acknowledged writes.
 */
import type { MemberStatus } from '../etcd/member-client.ts';
import { minorOf } from './etcd-version.ts';
import { findServed, keepServed } from './member-files.ts';

export type KnownRevision = {
  readonly value: () => number;
  /** Records that the node has answered or applied this revision. */
  readonly learn: (revision: number) => void;
  /**
   * Forgets the revision, because the node gets a new member. The new member has what a majority
   * has, which may be less than a damaged member reported.
   */
  readonly forget: () => void;
  /**
   * Writes the revision next to etcd's files, together with the version of the etcd that serves
   * them.
   */
  readonly keep: (status: Pick<MemberStatus, 'version'>) => Promise<void>;
};

/**
 * Opens the known revision of the node in `folder`. It begins with the revision that `keep` wrote
 * last, or 0.
 */
export const openKnownRevision = (folder: string): KnownRevision => {
  let revision = findServed(folder)?.revision ?? 0;
  return {
    value: () => revision,
    learn: (other) => {
      revision = Math.max(revision, other);
    },
    forget: () => {
      revision = 0;
    },
    keep: ({ version }) => keepServed(folder, { release: minorOf(version), revision }),
  };
};
