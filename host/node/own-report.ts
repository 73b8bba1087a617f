/** Builds the report that this node sends to the others from what its parts know. */
import type { Counter } from './counter.ts';
import type { Hashing } from './hashing.ts';
import type { KnownRevision } from './known-revision.ts';
import type { NodeRecord } from './node-record.ts';
import type { NodeKeyState, NodeReport } from './report.ts';
import type { NodeState } from './state.ts';
import type { EtcdWatch } from './watching.ts';

export type OwnReportOptions = {
  readonly node: number;
  /** The state of the node's master key; `null` while it is unknown. */
  readonly masterKey: () => NodeKeyState | null;
  /** When the node's certificate expires, in ISO 8601. */
  readonly certificateEndsAt: string;
  readonly state: NodeState;
  readonly watch: EtcdWatch;
  readonly hashing: Hashing;
  readonly known: KnownRevision;
  readonly record: NodeRecord;
  readonly counter: Counter;
};

export const ownReportOf = (options: OwnReportOptions): NodeReport => {
  const { node, masterKey, certificateEndsAt } = options;
  const { state, watch, hashing, known, record, counter } = options;
  const [status, hash] = [watch.status(), hashing.last()];
  return {
    node,
    alive: true,
    state: state.state(),
    reason: state.reason(),
    leader: status?.isLeader ?? false,
    // The last hash may be of a later revision than etcd's last known status, so the higher of both
    // revisions is reported.
    appliedRevision: Math.max(status?.revision ?? 0, hash?.revision ?? 0),
    knownRevision: known.value(),
    digest: hash,
    comparedAt: watch.comparedAt()?.toISOString() ?? null,
    etcd: status?.version ?? null,
    memberId: status?.memberId ?? null,
    space: watch.space() ?? null,
    masterKey: masterKey(),
    certificateEndsAt,
    start: record.start(),
    counter: counter.value(),
    member: record.isMember(),
    heard: record.heard(),
  };
};
