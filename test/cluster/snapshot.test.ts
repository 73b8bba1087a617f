/** Reads a snapshot of a table in a real etcd while writes and compactions go on. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Item, ItemKey } from '../../functions/store/items.ts';
import { inParallel } from '../../functions/vault/parallel.ts';
import type { Operation, Txn } from '../../host/etcd/etcd-client.ts';
import { connectMember, type MemberClient } from '../../host/etcd/member-client.ts';
import { openSnapshot, type Snapshot } from '../../host/etcd/snapshot.ts';
import { changesOf, itemKey, textOf } from '../../host/etcd/stored-items.ts';
import { createCompaction } from '../../host/node/upkeep.ts';
import { type SingleEtcd, startSingleEtcd } from '../support/single-etcd.ts';
import { until, untilSeen } from '../support/until.ts';

const quotaBytes = 1_000_000_000;
/** So many that they take several pages, and that the size of a page is adapted. */
const count = 700;
const soon = () => performance.now() + 5_000;

let etcd: SingleEtcd;
let member: MemberClient;
let snapshot: Snapshot;
const itemOf = (n: number, text: string): Item => ({
  ...{ pk: { S: `pk-${n}` }, sk: { S: 'HEAD' } },
  text: { S: text },
});
const write = async (n: number, text: string): Promise<void> => {
  const put = putOf({ pk: `pk-${n}`, sk: 'HEAD' }, itemOf(n, text));
  await until(() => succeeds(etcd.client.txn(put, soon())));
};
const succeeds = (call: Promise<unknown>): Promise<boolean> =>
  call.then(
    () => true,
    () => false,
  );
const putOf = (key: ItemKey, item: Item): Txn => ({
  compare: [],
  success: changesOf(itemKey(key), undefined, { item, text: textOf(item) }),
  failure: [],
});
const numbers = Array.from({ length: count }, (_, n) => n);
const nameOf = (item: Item): string => String(item['pk']?.S);
const readAll = async (): Promise<readonly Item[]> => {
  const items: Item[] = [];
  for await (const page of snapshot.pages()) items.push(...page);
  return items;
};
/** Makes more new revisions than a compaction waits for. */
const passRevisions = async (): Promise<void> => {
  const put: Operation = { request_put: { key: Buffer.from('node/busy'), value: Buffer.of() } };
  const txn = { compare: [], success: [put], failure: [] };
  const pass = () => until(() => succeeds(etcd.client.txn(txn, soon())));
  for (let done = 0; done < 10_100; done += 505) {
    await Promise.all(Array.from({ length: 505 }, pass));
  }
};
/** Runs the compaction of two successive minutes. */
const compactTwice = async (dbBytesInUse: number): Promise<void> => {
  const compact = createCompaction({ member, etcd: etcd.client, quotaBytes });
  for (const _ of [1, 2]) await compact({ ...(await member.status(soon())), dbBytesInUse });
};
const isReadable = async (revision: string): Promise<boolean> =>
  await succeeds(etcd.client.range({ key: Buffer.from('node/busy'), revision }, soon()));

beforeAll(async () => {
  etcd = await startSingleEtcd();
  member = connectMember(etcd.address);
  await inParallel(numbers, 50, (n) => write(n, n < 100 ? 'x'.repeat(60_000) : 'before'));
  await passRevisions();
});
afterAll(async () => {
  member.close();
  await etcd.close();
});

describe('a snapshot of a table', () => {
  it('shows all items as they were when it was opened, whatever is written and compacted since', async () => {
    const before = new Map(
      numbers.map((n) => [`pk-${n}`, n < 100 ? 'x'.repeat(60_000) : 'before']),
    );
    snapshot = await openSnapshot(etcd.address, 50);
    await inParallel(numbers, 50, (n) => write(n % 2 === 0 ? n : n + count, 'after'));
    await passRevisions();
    await compactTwice(0);
    expect(await isReadable(String(Number(snapshot.revision) - 1))).toBe(false);
    const items = await readAll();
    // Compares names, because the values would make a failure print megabytes.
    expect(items.map(nameOf)).toEqual([...before.keys()].sort());
    const changed = items.filter((item) => item['text']?.S !== before.get(nameOf(item)));
    expect(changed.map(nameOf)).toEqual([]);
  });

  it('fails with one sentence once the database nears its quota, because etcd then compacts it despite the snapshot', async () => {
    await compactTwice(0.9 * quotaBytes);
    await expect(readAll()).rejects.toThrow('etcd has forgotten the moment that was being copied');
  });

  const range = { key: Buffer.from('snapshot/'), range_end: Buffer.from('snapshot0') };
  const held = async () => (await etcd.client.range(range, soon())).kvs;

  it('puts its key in etcd under new leases until it is closed, and the key still shows the revision of the snapshot', async () => {
    const [{ mod_revision: before = '' } = {}] = await held();
    const [key] = await untilSeen(held, ([one]) => one?.mod_revision !== before);
    expect(key).toMatchObject({ create_revision: snapshot.revision });
    expect(key?.lease).toMatch(/^[1-9]/);
    await snapshot.close();
    expect(await held()).toEqual([]);
  });

  it('leaves no key in etcd if it is closed while its key gets a new lease', async () => {
    for (let round = 0; round < 30; round += 1) {
      const closed = await openSnapshot(etcd.address, 1);
      await sleep(round % 10);
      await closed.close();
    }
    expect(await held()).toEqual([]);
  });

  it('shows as many items as are stored now when it is opened again', async () => {
    snapshot = await openSnapshot(etcd.address);
    expect(await readAll()).toHaveLength(count + count / 2);
    await snapshot.close();
  });
});
