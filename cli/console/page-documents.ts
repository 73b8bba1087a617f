/** The documents of the console's own actions, as its server writes them and its page reads them. */

import type { ReplyOf } from '../../client/types.ts';
import type { Report } from '../../system/problem-report.ts';
import type { Rate } from './test-write-rates.ts';

type Refusal = Pick<Report, 'code' | 'detail' | 'requestId'>;

/** Where the vault of the console runs, and what the console can do there. */
export type LocalReply = {
  /** The program that started the vault: `start`, `cluster`, `sam`, `localstack`; `null` elsewhere. */
  readonly kind: string | null;
  /** Whether the console kills, starts and changes its nodes, and makes test writes. */
  readonly canChange: boolean;
  /** Whether the console can read its log. */
  readonly canRead: boolean;
};

/** The answer of one address of the vault about itself. */
export type NodeAnswer = {
  readonly addr: string;
  readonly status: ReplyOf<'get-status'> | null;
  readonly refusal: Refusal | null;
};

/** The processes of a cluster on this machine. */
export type Processes = {
  readonly nodes: readonly {
    readonly node: number;
    readonly alive: boolean;
    /** The state of a node that answers, else that of its process, such as `killed`. */
    readonly state: string;
    readonly isolated: boolean;
  }[];
};

/** The changes of a node that `change-node` makes. */
export const nodeChanges = ['kill', 'start', 'pause', 'resume', 'isolate', 'heal', 'wipe'] as const;
export type NodeChange = (typeof nodeChanges)[number];

export type NodesReply = {
  readonly answers: readonly NodeAnswer[];
  /** The last known processes; `null` before, and for a vault that is no cluster of this machine. */
  readonly processes: Processes | null;
};

export type TestWrites = {
  readonly isRunning: boolean;
  /** The last two minutes, the oldest second first. */
  readonly seconds: readonly Rate[];
  /** When the newest of these seconds began, in milliseconds since 1970. */
  readonly newestAt: number;
  /** Why the last failed write failed, for a person; empty without a failed write. */
  readonly lastFailure: string;
};
