import { describe, expect, it } from '@jest/globals';
import type { EtcdClient, Operation } from '../../../../host/etcd/etcd-client.ts';
import { findHeldRevision, readPages } from '../../../../host/etcd/snapshot.ts';
import { createMemoryEtcd } from '../../../support/memory-etcd.ts';

const soon = () => performance.now() + 5_000;
const write = async (etcd: EtcdClient, ...success: readonly Operation[]): Promise<void> => {
  await etcd.txn({ compare: [], success, failure: [] }, soon());
};
const put = (key: string, value = ''): Operation => ({
  request_put: { key: Buffer.from(key), value: Buffer.from(value) },
});

describe('the pages of a snapshot', () => {
  it('contain each of 20,000 unevenly distributed items once, in key order, and continue after an empty page', async () => {
    const etcd = createMemoryEtcd();
    const clumps = ['acme', 'beta', 'corp', 'dept'].map((tenant) =>
      Array.from({ length: 5_000 }, (_, n) => `TENANT#${tenant}#SECRET#SERVICE_${10_000 + n}`),
    );
    for (const clump of clumps) {
      const items = clump.map((pk) =>
        put(`item/vault\0${pk}\0HEAD`, JSON.stringify({ pk: { S: pk } })),
      );
      await write(etcd, ...items);
    }
    const sizes: number[] = [];
    const found: (string | undefined)[] = [];
    for await (const page of readPages(etcd.range, { revision: '1' })) {
      sizes.push(page.length);
      found.push(...page.map(({ pk }) => pk?.S));
    }
    expect(found).toEqual(clumps.flat());
    expect(sizes.slice(0, -1)).toContain(0);
  });
});

it('findHeldRevision returns the revision of the older of two backups until that backup ends, even if it renews its key', async () => {
  const etcd = createMemoryEtcd();
  const held = () => findHeldRevision(etcd, soon());
  expect(await held()).toBeUndefined();
  await write(etcd, put('snapshot/b'));
  const older = await held();
  await write(etcd, put('item/vault\0a\0HEAD'));
  await write(etcd, put('snapshot/a'));
  await write(etcd, put('snapshot/b'));
  expect([older, await held()]).toEqual([2, 2]);
  await write(etcd, { request_delete_range: { key: Buffer.from('snapshot/b') } });
  expect(await held()).toBe(4);
});
