/** Three nodes with real members of etcd delete expired items, and gain space by themselves when the quota is reached. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Item } from '../../functions/store/items.ts';
import { type ItemsOf, NotSent } from '../../functions/store/ports.ts';
import { connectEtcd, type EtcdClient, hasMajority } from '../../local/etcd/etcd-client.ts';
import { type Admission, createEtcdItems } from '../../local/etcd/etcd-items.ts';
import { createEtcd, type Etcd } from '../../local/etcd/group-commit.ts';
import { createGuardedWrites } from '../../local/etcd/guarded-writes.ts';
import { connectMember, type MemberClient } from '../../local/etcd/member-client.ts';
import { createAlarmEnding, etcdQuotaOf, findSpaceRefusal } from '../../local/node/space.ts';
import { createUpkeep, type UpkeepReport } from '../../local/node/upkeep.ts';
import { sentenceOf } from '../../system/failures.ts';
import { type EtcdCluster, startEtcdCluster } from '../support/etcd-cluster.ts';
import { startEtcdMember } from '../support/etcd-member.ts';
import { requestContext } from '../support/requests.ts';
import { until, untilSeen } from '../support/until.ts';

const quotaBytes = 16 * 1_048_576;
const soon = () => performance.now() + 5_000;

type Node = {
  readonly node: number;
  readonly etcd: EtcdClient;
  readonly calls: MemberClient;
  readonly deletions: Etcd;
  /** The items whose writes are never refused for want of space, and those that callers reach. */
  readonly bare: ItemsOf;
  readonly items: ItemsOf;
  readonly minute: () => Promise<void>;
};

let cluster: EtcdCluster;
let nodes: readonly Node[];
let reports: readonly UpkeepReport[] = [];
const states = new Map<number, UpkeepReport['state']>();
const lines: string[] = [];
let defragmentingMax = 0;

/** Takes the reports that the nodes would exchange each second. */
const exchangeReports = async (diskFreeBytes = 1e12): Promise<void> => {
  reports = await Promise.all(
    nodes.map(async ({ node, calls }) => {
      const { memberId, dbBytes, dbBytesInUse } = await calls.status(soon());
      const space = { dbBytes, dbBytesInUse, quotaBytes, diskFreeBytes, memoryBytes: null };
      const state = states.get(node) ?? 'serving';
      return { node, alive: true, state, memberId, space };
    }),
  );
};
const findLeader = async (): Promise<number> => {
  for (const { node, calls } of nodes) if ((await calls.status(soon())).isLeader) return node;
  return await findLeader();
};
const at = (node: number): Node => {
  const found = nodes[node - 1];
  if (found === undefined) throw new Error(`there is no node ${node}`);
  return found;
};

beforeAll(async () => {
  cluster = await startEtcdCluster({
    'quota-backend-bytes': String(etcdQuotaOf(quotaBytes)),
    'max-txn-ops': '2048',
    'max-request-bytes': String(8 * 1_048_576),
    // No other node becomes the leader because this one is busy.
    'election-timeout': '3000',
  });
  nodes = cluster.members.map(({ address, calls }, index) => {
    const node = index + 1;
    const etcd = connectEtcd(address);
    const open = () => createEtcd({ client: etcd, onGoneBack: (sentence) => lines.push(sentence) });
    const admit: Admission = async (kind) =>
      kind === 'write' ? findSpaceRefusal(reports, 3) : undefined;
    const [bare, items] = [createEtcdItems(open()), createEtcdItems(open(), admit)];
    const deletions = open();
    const minute = createUpkeep({
      node,
      nodeCount: 3,
      member: calls,
      etcd,
      deletions,
      quotaBytes,
      reports: () => reports,
      onDefragmenting: (is) => {
        states.set(node, is ? 'defragmenting' : 'serving');
        const count = [...states.values()].filter((state) => state === 'defragmenting').length;
        defragmentingMax = Math.max(defragmentingMax, count);
      },
      report: (line) => lines.push(`${node}: ${line}`),
    });
    return { node, etcd, calls, deletions, bare, items, minute };
  });
  for (const { etcd } of nodes) await until(() => hasMajority(etcd, 1_000));
});
afterAll(async () => {
  for (const { etcd } of nodes) etcd.close();
  await cluster.close();
});

/** Why the item was not put; `undefined` if it is there now. */
const put = async (itemsOf: ItemsOf, pk: string, more: Item = {}): Promise<string | undefined> => {
  const key = { pk, sk: 's' };
  const item = { pk: { S: pk }, sk: { S: 's' }, ...more };
  const write = itemsOf(requestContext()).write([{ key, expected: { is: 'absent' }, put: item }]);
  return await write.then(
    () => undefined,
    (error: unknown) => (error instanceof NotSent ? sentenceOf(error.cause) : 'unclear'),
  );
};
const written = (itemsOf: ItemsOf, pk: string, more: Item = {}) =>
  until(async () => (await put(itemsOf, pk, more)) === undefined);
const deleted = ({ deletions }: Node, pk: string) =>
  until(() =>
    createGuardedWrites(deletions)
      .write([{ key: { pk, sk: 's' }, isExpected: () => true, change: 'delete' }], soon())
      .then(
        () => true,
        () => false,
      ),
  );
const spaceRefusal = /^the database of node [123] takes 9\d % of its quota/;
const text = { text: { S: 'x'.repeat(60_000) } };
let count = 0;
/** Writes four items at once. The first goes to etcd alone, and the others in a group. */
const putGroup = async (itemsOf: ItemsOf) =>
  await Promise.all(
    Array.from({ length: 4 }, () => {
      count += 1;
      return put(itemsOf, `item-${count}`, text);
    }),
  );
const itemsLeft = async (): Promise<number> => {
  const range = { key: Buffer.from('item/'), range_end: Buffer.from('item0') };
  return (await at(1).etcd.range(range, soon())).kvs.length;
};
const hasAlarms = async () =>
  await Promise.all(nodes.map(({ calls }) => calls.hasSpaceAlarm(soon())));

describe('the node of the leader', () => {
  it('deletes expired items, and no others', async () => {
    const [past, future] = ['1000', '9000000000'].map((N) => ({ expiresAt: { N } }));
    for (let n = 0; n < 30; n += 1) await written(at((n % 3) + 1).items, `past-${n}`, past);
    await written(at(1).items, 'future', future);
    await written(at(1).items, 'forever');
    await exchangeReports();
    // On a slow machine the leader may change meanwhile.
    const leaders = [await findLeader()];
    await until(async () => {
      for (const { minute } of nodes) await minute();
      leaders.push(await findLeader());
      return lines.length > 0;
    });
    expect(lines).toHaveLength(1);
    expect(leaders.map((node) => `${node}: 30 expired items were deleted`)).toContain(lines[0]);
    expect(await itemsLeft()).toBe(2);
    const range = { key: Buffer.from('expiry/'), range_end: Buffer.from('expiry0') };
    const { kvs } = await at(1).etcd.range(range, soon());
    expect(kvs.map(({ key }) => key.toString())).toEqual([
      'expiry/vault\x00009000000000\0future\0s',
    ]);
  });
});

describe('nodes whose etcd reaches its quota', () => {
  it('refuse writes above 90 % of it, and send nothing to etcd', async () => {
    await until(async () => {
      await exchangeReports();
      const refusals = await putGroup(at(1).items);
      return refusals.every((refusal) => refusal !== undefined && spaceRefusal.test(refusal));
    }, 60_000);
    expect(reports.every(({ space }) => (space?.dbBytes ?? 0) < quotaBytes)).toBe(true);
    const { revision } = await at(1).calls.status(soon());
    for (const { items } of nodes) {
      expect(await put(items, 'refused')).toMatch(spaceRefusal);
      const found = await items(requestContext()).get([{ pk: 'item-1', sk: 's' }]);
      expect(found).toHaveLength(1);
    }
    expect((await at(1).calls.status(soon())).revision).toBe(revision);
    expect(await hasAlarms()).toEqual([false, false, false]);
  });

  it('leave room in etcd for the writes that were under way', async () => {
    await until(async () => {
      await untilSeen(
        () => putGroup(at(1).bare),
        (refusals) => refusals.every((refusal) => refusal === undefined),
      );
      await exchangeReports();
      return reports.every(({ space }) => (space?.dbBytes ?? 0) > quotaBytes);
    }, 60_000);
    expect(await hasAlarms()).toEqual([false, false, false]);
  });

  it('delete, compact, defragment one member at a time and the leader last, and write again', async () => {
    for (let n = 1; n <= count; n += 1) {
      await deleted(at(2), `item-${n}`);
    }
    lines.length = 0;
    const minutesPass = () => Promise.all(nodes.map(({ minute }) => minute()));
    // A disk without room for a copy holds defragmentation back until the compaction, which takes its time, has ended.
    await until(async () => {
      await exchangeReports(0);
      await minutesPass();
      return reports.every(({ space }) => (space?.dbBytesInUse ?? quotaBytes) < 1_000_000);
    }, 60_000);
    expect(lines).toEqual([]);
    await until(async () => {
      await exchangeReports();
      await minutesPass();
      return reports.every(({ space }) => (space?.dbBytes ?? quotaBytes) < 0.7 * quotaBytes);
    }, 60_000);
    const done = lines.filter((line) => line.endsWith('the database was defragmented'));
    expect(done.map((line) => line[0]).sort()).toEqual(['1', '2', '3']);
    // Only a leader can hand over.
    const handedOver = lines.filter((line) => line.includes('leads now'));
    expect(handedOver.map((line) => line[0])).toEqual([done.at(-1)?.[0]]);
    const failed = lines.filter((line) => line.includes('failed'));
    expect(failed.filter((line) => !line.includes('leader changed'))).toEqual([]);
    expect(defragmentingMax).toBe(1);
    for (const { node, items } of nodes) await written(items, `again-${node}`, text);
  });
});

describe('the space alarm of etcd', () => {
  it('ends while no member is full, and etcd accepts writes again', async () => {
    const alone = await startEtcdMember({ 'quota-backend-bytes': String(1_048_576) });
    const [etcd, member] = [connectEtcd(alone.address), connectMember(alone.address)];
    const write = async (bytes: number) => {
      const request_put = { key: Buffer.from('key'), value: Buffer.alloc(bytes) };
      await etcd.txn({ compare: [], success: [{ request_put }], failure: [] }, soon());
    };
    const isWritten = (bytes: number) =>
      write(bytes).then(
        () => true,
        () => false,
      );
    try {
      await alone.untilThere(async () => await isWritten(1));
      expect(await isWritten(1_048_576)).toBe(false);
      expect(await member.hasSpaceAlarm(soon())).toBe(true);
      const endAlarm = createAlarmEnding({ member, reports: () => [], report: () => undefined });
      await endAlarm({ isLeader: true });
      expect(await member.hasSpaceAlarm(soon())).toBe(false);
      expect(await isWritten(1)).toBe(true);
    } finally {
      etcd.close();
      member.close();
      await alone.close();
    }
  });
});
