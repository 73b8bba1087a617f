/**
 * Three nodes with real members of etcd delete expired items, reuse free pages of etcd, and refuse
 * writes when the data come near the quota.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Item } from '../../functions/store/items.ts';
import { type ItemsOf, NotSent } from '../../functions/store/ports.ts';
import { connectEtcd, type EtcdClient, hasMajority } from '../../host/etcd/etcd-client.ts';
import { type Admission, createEtcdItems } from '../../host/etcd/etcd-items.ts';
import { createEtcd, type Etcd } from '../../host/etcd/group-commit.ts';
import { createGuardedWrites } from '../../host/etcd/guarded-writes.ts';
import type { MemberClient } from '../../host/etcd/member-client.ts';
import { findSpaceRefusal, type SpaceReport } from '../../host/node/space.ts';
import { createUpkeep } from '../../host/node/upkeep.ts';
import { sentenceOf } from '../../system/failures.ts';
import { type EtcdCluster, startEtcdCluster } from '../support/etcd-cluster.ts';
import { requestContext } from '../support/requests.ts';
import { until } from '../support/until.ts';

const quotaBytes = 16 * 1_048_576;
const soon = () => performance.now() + 5_000;

type Node = {
  readonly node: number;
  readonly etcd: EtcdClient;
  readonly calls: MemberClient;
  readonly deletions: Etcd;
  /** The items as callers reach them. Writes are refused while space is short. */
  readonly items: ItemsOf;
  readonly minute: () => Promise<void>;
};

let cluster: EtcdCluster;
let nodes: readonly Node[];
let reports: readonly SpaceReport[] = [];
const lines: string[] = [];

/** Collects the reports that the nodes would otherwise exchange each second. */
const exchangeReports = async (): Promise<void> => {
  reports = await Promise.all(
    nodes.map(async ({ node, calls }) => {
      const { dbBytes, dbBytesInUse } = await calls.status(soon());
      const space = { dbBytes, dbBytesInUse, quotaBytes, diskFreeBytes: 1e12, memoryBytes: null };
      return { node, alive: true, space };
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
    'quota-backend-bytes': String(2 * quotaBytes),
    'max-txn-ops': '2048',
    'max-request-bytes': String(8 * 1_048_576),
    // Long enough that a busy leader is not replaced.
    'election-timeout': '3000',
  });
  nodes = cluster.members.map(({ address, calls }, index) => {
    const node = index + 1;
    const etcd = connectEtcd(address);
    const open = () => createEtcd({ client: etcd, onGoneBack: (sentence) => lines.push(sentence) });
    const admit: Admission = async (kind) =>
      kind === 'write' ? findSpaceRefusal(reports, 3) : undefined;
    const items = createEtcdItems(open(), admit);
    const deletions = open();
    const minute = createUpkeep({
      member: calls,
      etcd,
      deletions,
      quotaBytes,
      isServing: () => true,
      report: (line) => lines.push(`${node}: ${line}`),
    });
    return { node, etcd, calls, deletions, items, minute };
  });
  for (const { etcd } of nodes) await until(() => hasMajority(etcd, 1_000));
});
afterAll(async () => {
  for (const { etcd } of nodes) etcd.close();
  await cluster.close();
});

/** Puts an item. Returns why that failed; `undefined` if the item is stored. */
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
const spaceRefusal = /^the data of node [123] take 9\d % of its quota/;
let count = 0;
let writtenBytes = 0;
/**
 * Writes four items of different sizes at once. The first is sent to etcd alone, and the others as
 * a group.
 */
const putGroup = async (itemsOf: ItemsOf) =>
  await Promise.all(
    Array.from({ length: 4 }, () => {
      count += 1;
      const bytes = 1_000 + ((count * 7_919) % 120_000);
      writtenBytes += bytes;
      return put(itemsOf, `item-${count}`, { text: { S: 'x'.repeat(bytes) } });
    }),
  );
/**
 * Deletes one item after the other, because a compaction waits until there are enough new
 * revisions.
 */
const deleteFrom = async (first: number): Promise<void> => {
  for (let n = first; n <= count; n += 1) await deleted(at(2), `item-${n}`);
};
const itemsLeft = async (): Promise<number> => {
  const range = { key: Buffer.from('item/'), range_end: Buffer.from('item0') };
  return (await at(1).etcd.range(range, soon())).kvs.length;
};

describe('the node whose etcd leads', () => {
  it('deletes expired items, and keeps those that expire later or never', async () => {
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

/**
 * The leader compacts above 80 %. The margin is there because its bytes in use differ a little from
 * those of the other nodes.
 */
const isShort = () => reports.some(({ space }) => space && space.dbBytesInUse > 0.85 * quotaBytes);
/**
 * Runs the upkeep of one minute after the other on all nodes, until a compaction has freed space.
 */
const untilFree = async (): Promise<void> =>
  until(async () => {
    await Promise.all(nodes.map(({ minute }) => minute()));
    await exchangeReports();
    return !isShort();
  });

describe('nodes that write more than etcd may hold, and keep little of it', () => {
  it('go on writing, and the file of etcd grows to less than twice the quota', async () => {
    const kept = await itemsLeft();
    let fileBytesMax = 0;
    while (writtenBytes < 4 * quotaBytes) {
      const first = count + 1;
      const refusals = [...(await putGroup(at(1).items)), ...(await putGroup(at(2).items))];
      expect(refusals.filter((refusal) => refusal !== undefined)).toEqual([]);
      await deleteFrom(first);
      await exchangeReports();
      const spaces = reports.flatMap(({ space }) => space ?? []);
      fileBytesMax = Math.max(fileBytesMax, ...spaces.map(({ dbBytes }) => dbBytes));
      if (isShort()) await untilFree();
    }
    expect(await itemsLeft()).toBe(kept);
    expect(fileBytesMax).toBeLessThan(2 * quotaBytes);
    expect(lines.filter((line) => line.includes('failed'))).toEqual([]);
  });
});

describe('nodes whose data reach the quota', () => {
  let first = 0;

  it('refuse writes above 90 % of it, change nothing in etcd and serve reads', async () => {
    first = count + 1;
    await until(async () => {
      await exchangeReports();
      const refusals = await putGroup(at(1).items);
      return refusals.every((refusal) => refusal !== undefined && spaceRefusal.test(refusal));
    });
    const { revision } = await at(1).calls.status(soon());
    for (const { items } of nodes) {
      expect(await put(items, 'refused')).toMatch(spaceRefusal);
      const found = await items(requestContext()).get([{ pk: `item-${first}`, sk: 's' }]);
      expect(found).toHaveLength(1);
    }
    expect((await at(1).calls.status(soon())).revision).toBe(revision);
  });

  it('accept writes again once data have been deleted and compacted', async () => {
    await deleteFrom(first);
    await untilFree();
    for (const { node, items } of nodes) expect(await put(items, `again-${node}`)).toBe(undefined);
  });
});
