/** Nodes that communicate without a network. */
import type { MemberClient, MemberStatus } from '../../local/etcd/member-client.ts';
import type { Counter, NodeRecord } from '../../local/node/joining.ts';
import type { MemberOptions } from '../../local/node/member.ts';
import type { NodeConfig } from '../../local/node/node-config.ts';
import type { PeerCall } from '../../local/node/peers.ts';
import type { NodeReport } from '../../local/node/report.ts';

export const configOf = (node: number, count = 3, more: Partial<NodeConfig> = {}): NodeConfig => ({
  node,
  nodes: Array.from({ length: count }, (_, index) => ({
    node: index + 1,
    host: '127.0.0.1',
    etcdPort: 2_381 + index,
    peerPort: 2_391 + index,
  })),
  peerHost: '127.0.0.1',
  peerProxy: undefined,
  etcdProxy: undefined,
  quotaBytes: 1_000_000,
  compareEveryMs: undefined,
  ...more,
});

const unused = async (): Promise<never> => {
  throw new Error('this call is not expected');
};
/** Calls to a member of etcd, of which all but `calls` reject. */
export const memberCallsOf = (calls: Partial<MemberClient>): MemberClient => ({
  status: unused,
  hashKeys: unused,
  listMembers: unused,
  addMember: unused,
  removeMember: unused,
  hasSpaceAlarm: unused,
  endSpaceAlarm: unused,
  compact: unused,
  defragment: unused,
  moveLeader: unused,
  close: () => undefined,
  ...calls,
});

export const memberStatus: MemberStatus = {
  memberId: '1',
  version: '3.4.23',
  revision: 9,
  isLeader: false,
  hasLeader: true,
  dbBytes: 1,
  dbBytesInUse: 1,
};

export const reportOf = (node: number, more: Partial<NodeReport> = {}): NodeReport => ({
  node,
  alive: true,
  state: 'serving',
  reason: null,
  leader: false,
  appliedRevision: 0,
  knownRevision: 0,
  digest: null,
  comparedAt: null,
  etcd: '3.4.23',
  memberId: null,
  space: null,
  masterKey: null,
  keyCheck: null,
  certificateEndsAt: null,
  start: 1,
  counter: 0,
  member: false,
  heard: {},
  ...more,
});

/** A member of this node that asks nobody and reports nothing, unless `more` says otherwise. */
export const memberOptionsOf = (
  more: Pick<MemberOptions, 'config' | 'folder'> & Partial<MemberOptions>,
): MemberOptions => ({
  clusterId: 'one',
  tls: { ca: '', certificate: '', key: '' },
  onLost: () => Promise.reject(new Error('there is nobody to ask')),
  onEnded: () => undefined,
  findDoubt: async () => 'nobody looks',
  onFailed: () => undefined,
  report: () => undefined,
  ...more,
});

/** The answer of each node; `undefined` means no answer. */
export const askOf =
  (
    answer: (node: number, path: string, body: string) => Promise<string> | string | undefined,
  ): PeerCall =>
  async (node, _, path, { body = '' }) => {
    const text = await answer(node, path, body);
    if (text === undefined) throw new Error(`node ${node} gives no answer`);
    return text;
  };

/** A record in memory. */
export const recordOf = (first = 1): NodeRecord => {
  let start = first;
  let isMember = false;
  let heard: ReturnType<NodeRecord['heard']> = {};
  return {
    start: () => start,
    startAfter: (other) => {
      start = Math.max(start, other + 1);
    },
    isMember: () => isMember,
    enterCluster: async () => {
      isMember = true;
    },
    heard: () => heard,
    hear: async (node, report) => {
      heard = { ...heard, [node]: report };
    },
    forget: async () => undefined,
  };
};

/** A counter in memory. */
export const counterOf = (first = 0): Counter => {
  let value = first;
  return {
    value: () => value,
    startAfter: (other) => {
      value = Math.max(value, other);
    },
    raise: async () => {
      value += 1;
    },
  };
};
