/** Nodes that exchange messages without a network. */
import type { MemberClient, MemberStatus } from '../../host/etcd/member-client.ts';
import type { Counter } from '../../host/node/counter.ts';
import type { MemberOptions } from '../../host/node/member.ts';
import type { NodeConfig } from '../../host/node/node-config.ts';
import type { NodeRecord } from '../../host/node/node-record.ts';
import type { PeerCall } from '../../host/node/peers.ts';
import type { NodeReport } from '../../host/node/report.ts';

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
/**
 * Makes a client of an etcd member that answers with the functions in `calls`. All its other calls
 * reject.
 */
export const memberCallsOf = (calls: Partial<MemberClient>): MemberClient => ({
  status: unused,
  hashKeys: unused,
  listMembers: unused,
  addMember: unused,
  removeMember: unused,
  compact: unused,
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
  certificateEndsAt: '2036-11-24T00:00:00.000Z',
  start: 1,
  counter: 0,
  member: false,
  heard: {},
  ...more,
});

/**
 * Returns options for an etcd member whose node asks no other node and reports nothing. `more`
 * replaces some of them.
 */
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

/**
 * Makes a function for calls between nodes that returns what `answer` returns. If that is
 * `undefined`, the node gives no answer.
 */
export const askOf =
  (
    answer: (node: number, path: string, body: string) => Promise<string> | string | undefined,
  ): PeerCall =>
  async (node, _, path, { body = '' }) => {
    const text = await answer(node, path, body);
    if (text === undefined) throw new Error(`node ${node} gives no answer`);
    return text;
  };

/** Makes the record that a node keeps, but in memory instead of a file. */
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
    receive: async (node, report) => {
      heard = { ...heard, [node]: report };
    },
    forget: async () => undefined,
  };
};

/** Makes a counter whose value is kept in memory instead of a file. */
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
