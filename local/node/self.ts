/** The facts that a node knows of itself and tells the others: its report, and the hash of its copy. */
import { statfsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { MemberClient, MemberStatus } from '../etcd/member-client.ts';
import { endOf, type TlsFiles } from '../http/tls.ts';
import { digestOf, type HashAnswer } from './comparing.ts';
import type { Counter } from './counter.ts';
import type { NodeConfig } from './node-config.ts';
import type { NodeRecord } from './record.ts';
import type { Digest, NodeKeyState, NodeReport } from './report.ts';
import { isLarge, type Space } from './space.ts';
import type { NodeState } from './state.ts';
import type { Watching } from './watching.ts';

export type SelfOptions = {
  readonly config: NodeConfig;
  readonly folder: string;
  readonly tls: TlsFiles;
  readonly member: Pick<MemberClient, 'status' | 'hashKeys'>;
  readonly record: NodeRecord;
  readonly counter: Counter;
  readonly state: NodeState;
  /** How the node finds its master key now. */
  readonly masterKey: () => NodeKeyState | null;
  /** The bytes of memory that its etcd holds; `null` if they are not known. */
  readonly memoryBytes: () => number | null;
  /** `undefined` until the node looks at its etcd. */
  readonly watching: () => Watching | undefined;
};

export type Self = {
  readonly report: () => NodeReport;
  /**
   * The report with a hash of the last revision, so that whoever asks all nodes can compare them. It has an older hash
   * above 1 GB, and if it is asked for again too soon.
   */
  readonly freshReport: () => Promise<NodeReport>;
  /** The hash at a revision that its etcd has applied, which the next reports have too. Rejects if etcd has not. */
  readonly hashAt: (revision: number) => Promise<HashAnswer>;
  /** The hash at the last revision. */
  readonly hashNow: () => Promise<HashAnswer>;
};

const callMs = 2_000;
/** A hash takes about half a millisecond for each megabyte of the database. */
export const hashMs = 30_000;
/** A program that asks for the status waits for one second. */
const freshMs = 500;

/** People may ask for the status all the time. After a hash for it, etcd is left alone for so many times as long. */
const restTimes = 4;

/** Every write asks for the space, so the system is asked once for each look at etcd. */
const createSpaceOf = ({ config, folder, memoryBytes }: SelfOptions) => {
  let measured = { diskFreeBytes: 0, memoryBytes: memoryBytes() };
  let measuredFor: MemberStatus | undefined;
  return (status: MemberStatus): Space => {
    if (status !== measuredFor) {
      const { bavail, bsize } = statfsSync(folder);
      measured = { diskFreeBytes: bavail * bsize, memoryBytes: memoryBytes() };
      measuredFor = status;
    }
    const { dbBytes, dbBytesInUse } = status;
    return { dbBytes, dbBytesInUse, quotaBytes: config.quotaBytes, ...measured };
  };
};

export const createSelf = (options: SelfOptions): Self => {
  const { config, member, record, counter, state, masterKey, watching } = options;
  const spaceOf = createSpaceOf(options);
  const certificateEndsAt = endOf(options.tls);
  let digest: Digest | null = null;

  const report = (): NodeReport => {
    const status = watching()?.status();
    return {
      node: config.node,
      alive: true,
      state: state.state(),
      reason: state.reason(),
      leader: status?.isLeader ?? false,
      // A hash may be newer than the last look at etcd.
      appliedRevision: Math.max(status?.revision ?? 0, digest?.revision ?? 0),
      digest,
      comparedAt: watching()?.comparedAt()?.toISOString() ?? null,
      etcd: status?.version ?? null,
      memberId: status?.memberId ?? null,
      space: status ? spaceOf(status) : null,
      masterKey: masterKey(),
      certificateEndsAt,
      start: record.start(),
      counter: counter.value(),
      member: record.isMember(),
      heard: record.heard(),
    };
  };

  const statusNow = () => member.status(performance.now() + callMs);
  const hashAt = async (revision: number): Promise<HashAnswer> => {
    const { version } = await statusNow();
    const keys = await member.hashKeys(revision, performance.now() + hashMs);
    digest = digestOf(keys);
    return { ...keys, etcd: version };
  };
  const hashNow = async (): Promise<HashAnswer> => await hashAt((await statusNow()).revision);
  let isHashing = false;
  let restsUntil = 0;
  const hashForStatus = async (): Promise<void> => {
    const began = performance.now();
    const isTooLarge = isLarge(watching()?.status()?.dbBytes ?? 0);
    if (isTooLarge || isHashing || began < restsUntil) return;
    isHashing = true;
    await hashNow().catch(() => undefined);
    isHashing = false;
    const ended = performance.now();
    restsUntil = ended + restTimes * (ended - began);
  };
  return {
    report,
    freshReport: async () => {
      // An etcd without a majority may not answer at all; the node must still say why it does not serve.
      await Promise.race([hashForStatus(), sleep(freshMs, undefined, { ref: false })]);
      return report();
    },
    hashAt,
    hashNow,
  };
};
