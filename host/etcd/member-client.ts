/** The calls to an etcd member that concern the member and its cluster instead of keys. */
import { openChannel } from './etcd-client.ts';

/** A member in the cluster's list. Its name is empty if it was added but has not started yet. */
export type ListedMember = {
  readonly ID: string;
  readonly name: string;
  readonly peerURLs: readonly string[];
};

export type MemberStatus = {
  readonly memberId: string;
  /** The member's version of etcd, such as `3.4.23`. */
  readonly version: string;
  /** The last revision that the member has applied. */
  readonly revision: number;
  readonly isLeader: boolean;
  readonly hasLeader: boolean;
  /** The size of the database file in bytes, and how many of them are in use. */
  readonly dbBytes: number;
  readonly dbBytesInUse: number;
};

/** The hash of all keys and values from `compactRevision` to `revision`. */
export type KeysHash = {
  readonly revision: number;
  readonly compactRevision: number;
  readonly hash: number;
};

type Header = {
  readonly member_id: string;
  readonly revision: string;
};
type StatusReply = {
  readonly header: Header;
  readonly version: string;
  readonly dbSize: string;
  readonly dbSizeInUse: string;
  readonly leader: string;
};
type HashReply = { readonly hash: number; readonly compact_revision: string };
type Members = { readonly members: readonly ListedMember[] };

/**
 * All calls reject with gRPC's `ServiceError`. `deadline` is in the time of `performance.now()`.
 */
export type MemberClient = {
  readonly status: (deadline: number) => Promise<MemberStatus>;
  /** Rejects if `revision` is compacted or not yet applied by the member. */
  readonly hashKeys: (revision: number, deadline: number) => Promise<KeysHash>;
  readonly listMembers: (deadline: number) => Promise<readonly ListedMember[]>;
  /** Resolves to all members, including the new one. */
  readonly addMember: (peerUrl: string, deadline: number) => Promise<readonly ListedMember[]>;
  readonly removeMember: (id: string, deadline: number) => Promise<void>;
  /** Removes the history before `revision`. */
  readonly compact: (revision: number, deadline: number) => Promise<void>;
  /** Makes this other member the leader. Only the current leader may be asked for this. */
  readonly moveLeader: (memberId: string, deadline: number) => Promise<void>;
  readonly close: () => void;
};

/**
 * Creates a client for the member at `host:port` or `unix:/path`. It connects with the first call.
 */
export const connectMember = (address: string): MemberClient => {
  const { call, close } = openChannel(address);
  const status = call<object, StatusReply>('Maintenance', 'Status');
  const hashKv = call<object, HashReply>('Maintenance', 'HashKV');
  const moveLeader = call<object, object>('Maintenance', 'MoveLeader');
  const compact = call<object, object>('KV', 'Compact');
  const memberList = call<object, Members>('Cluster', 'MemberList');
  const memberAdd = call<object, Members>('Cluster', 'MemberAdd');
  const memberRemove = call<object, Members>('Cluster', 'MemberRemove');
  return {
    status: async (deadline) => {
      const { header, version, dbSize, dbSizeInUse, leader } = await status({}, deadline);
      return {
        memberId: header.member_id,
        version,
        revision: Number(header.revision),
        isLeader: leader === header.member_id,
        hasLeader: leader !== '0',
        dbBytes: Number(dbSize),
        dbBytesInUse: Number(dbSizeInUse),
      };
    },
    hashKeys: async (revision, deadline) => {
      const { hash, compact_revision } = await hashKv({ revision }, deadline);
      return { revision, hash, compactRevision: Number(compact_revision) };
    },
    listMembers: async (deadline) => (await memberList({}, deadline)).members,
    addMember: async (peerUrl, deadline) =>
      (await memberAdd({ peerURLs: [peerUrl] }, deadline)).members,
    removeMember: async (ID, deadline) => void (await memberRemove({ ID }, deadline)),
    compact: async (revision, deadline) => void (await compact({ revision }, deadline)),
    moveLeader: async (targetID, deadline) => void (await moveLeader({ targetID }, deadline)),
    close,
  };
};
