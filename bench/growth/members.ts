/** Measures the members of three nodes: the hash by which copies are compared, compaction, defragmentation, a new copy. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { sendCommand } from '../../local/cluster/control.ts';
import type { ClusterStatus } from '../../local/cluster/status.ts';
import { isOutOfRange } from '../../local/etcd/etcd-client.ts';
import { connectMember, type MemberClient } from '../../local/etcd/member-client.ts';
import { memberAddress } from '../../local/node/member.ts';
import { failure } from '../../system/failures.ts';

/** Each measure by its name. Times end with `ms`, sizes with `bytes`. */
export type Facts = Readonly<Record<string, number>>;

const callMs = 600_000;
const backWithinMs = 1_800_000;
const lookEveryMs = 1_000;

const timed = async (work: () => Promise<unknown>): Promise<number> => {
  const at = performance.now();
  await work();
  return performance.now() - at;
};
const deadline = () => performance.now() + callMs;

const untilServing = async (folder: string, node: number): Promise<void> => {
  const until = performance.now() + backWithinMs;
  while (performance.now() < until) {
    const text = await sendCommand(folder, { action: 'status', json: true });
    const { nodes }: ClusterStatus = JSON.parse(text);
    if (nodes.some((one) => one.node === node && one.alive && one.state === 'serving')) return;
    await sleep(lookEveryMs);
  }
  throw failure(`node ${node} did not come back`);
};

/** Deletes the data of a node that does not lead, and starts it again. */
const replaceNode = async (folder: string, node: number): Promise<void> => {
  await sendCommand(folder, { action: 'wipe', target: node as 1 | 2 | 3 });
  await sendCommand(folder, { action: 'start', target: node as 1 | 2 | 3 });
  await untilServing(folder, node);
};

/** Measures on the node that does not lead and has the highest number. */
export const measureMembers = async (folder: string): Promise<Facts> => {
  const members = [1, 2, 3].map((node) => ({
    node,
    member: connectMember(memberAddress(join(folder, `node-${node}`))),
  }));
  try {
    const followers = [];
    for (const one of members) {
      if (!(await one.member.status(deadline())).isLeader) followers.push(one);
    }
    const last = followers.at(-1);
    if (last === undefined) throw failure('all nodes lead');
    const { node, member } = last;
    const before = await member.status(deadline());
    const facts: Record<string, number> = {
      'database bytes': before.dbBytes,
      'revisions of etcd': before.revision,
      ...(await measureMember(member, before.revision)),
    };
    const after = await member.status(deadline());
    facts['database bytes after defragmentation'] = after.dbBytes;
    await untilServing(folder, node);
    facts['a wiped node serves again ms'] = await timed(() => replaceNode(folder, node));
    return facts;
  } finally {
    for (const { member } of members) member.close();
  }
};

const measureMember = async (member: MemberClient, revision: number): Promise<Facts> => ({
  'hash for a comparison ms': await timed(() => member.hashKeys(revision, deadline())),
  // A revision that is compacted already is refused at once. The last one is left, as by node/compaction.ts.
  'compaction ms': await timed(() =>
    member.compact(revision - 1, deadline()).catch((error) => {
      if (!isOutOfRange(error)) throw error;
    }),
  ),
  'defragmentation ms': await timed(() => member.defragment(deadline())),
});
