/** The documents that the console's server sends to its page. */

import type { ReplyOf } from '../../client/types.ts';
import type { Report } from '../../system/problem-report.ts';

type Refusal = Pick<Report, 'code' | 'detail' | 'requestId'>;

/** Where the vault runs, and whether the console can read its log. */
export type LocalReply = {
  /**
   * The program that started the vault: `start`, `cluster`, `sam` or `localstack`; `null` for a
   * vault that was not found on this machine.
   */
  readonly kind: string | null;
  readonly canRead: boolean;
};

/** The status that one address of the vault reports, or the refusal if it reports none. */
export type NodeAnswer = {
  readonly addr: string;
  readonly status: ReplyOf<'get-status'> | null;
  readonly refusal: Refusal | null;
};

/**
 * What a vault answered when the console asked for its status: one answer for each node that has an
 * address on this machine, or the one answer of the profile's address if the vault was not found on
 * this machine.
 */
export type NodesReply = { readonly answers: readonly NodeAnswer[] };
