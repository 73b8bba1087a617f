/** The calls to one member of etcd that are about the member and its cluster, and not about keys. */
import { openChannel } from './etcd-client.ts';

/** A member as the cluster lists it. A member that was added and has not started yet has an empty name. */
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
  /** The bytes of the database file, and those of them that hold data. */
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
type Alarm = { readonly memberID: string; readonly alarm: 'NONE' | 'NOSPACE' | 'CORRUPT' };
type Members = { readonly members: readonly ListedMember[] };

/** All calls reject with gRPC's `ServiceError`; `deadline` is in the time of `performance.now()`. */
export type MemberClient = {
  readonly status: (deadline: number) => Promise<MemberStatus>;
  /** Rejects if `revision` is compacted, or is one that the member has not applied. */
  readonly hashKeys: (revision: number, deadline: number) => Promise<KeysHash>;
  readonly listMembers: (deadline: number) => Promise<readonly ListedMember[]>;
  /** Resolves to all members, the new one among them. */
  readonly addMember: (peerUrl: string, deadline: number) => Promise<readonly ListedMember[]>;
  readonly removeMember: (id: string, deadline: number) => Promise<void>;
  /** Whether etcd refuses writes because a member had no space. */
  readonly hasSpaceAlarm: (deadline: number) => Promise<boolean>;
  /** Ends the alarm of all members. */
  readonly endSpaceAlarm: (deadline: number) => Promise<void>;
  /** Forgets the history before `revision`. */
  readonly compact: (revision: number, deadline: number) => Promise<void>;
  /** Rewrites this member's database file without free pages. The member answers nothing meanwhile. */
  readonly defragment: (deadline: number) => Promise<void>;
  /** To be called on the leader. */
  readonly moveLeader: (memberId: string, deadline: number) => Promise<void>;
  readonly close: () => void;
};

/** Connects to the member at `host:port` or `unix:/path` when the first call is made. */
export const connectMember = (address: string): MemberClient => {
  const { call, close } = openChannel(address);
  const status = call<object, StatusReply>('Maintenance', 'Status');
  const hashKv = call<object, HashReply>('Maintenance', 'HashKV');
  const alarm = call<object, { readonly alarms: readonly Alarm[] }>('Maintenance', 'Alarm');
  const defragment = call<object, object>('Maintenance', 'Defragment');
  const moveLeader = call<object, object>('Maintenance', 'MoveLeader');
  const compact = call<object, object>('KV', 'Compact');
  const memberList = call<object, Members>('Cluster', 'MemberList');
  const memberAdd = call<object, Members>('Cluster', 'MemberAdd');
  const memberRemove = call<object, Members>('Cluster', 'MemberRemove');
  const spaceAlarms = async (deadline: number): Promise<readonly Alarm[]> => {
    const { alarms } = await alarm({ action: 'GET', alarm: 'NOSPACE' }, deadline);
    return alarms.filter((one) => one.alarm === 'NOSPACE');
  };
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
    hasSpaceAlarm: async (deadline) => (await spaceAlarms(deadline)).length > 0,
    endSpaceAlarm: async (deadline) => {
      for (const { memberID } of await spaceAlarms(deadline)) {
        await alarm({ action: 'DEACTIVATE', memberID, alarm: 'NOSPACE' }, deadline);
      }
    },
    compact: async (revision, deadline) => void (await compact({ revision }, deadline)),
    defragment: async (deadline) => void (await defragment({}, deadline)),
    moveLeader: async (targetID, deadline) => void (await moveLeader({ targetID }, deadline)),
    close,
  };
};
