import { describe, expect, it } from '@jest/globals';
import {
  etcdHeapOf,
  etcdQuotaOf,
  findSpaceRefusal,
  type SpaceReport,
} from '../../../../host/node/space.ts';

const mebibyte = 1_048_576;
const node = (number: number, usedPercent: number, freeMebibytes = 1_000): SpaceReport => ({
  node: number,
  alive: true,
  space: {
    // The database is larger than the quota, but its free pages do not count.
    dbBytes: 150 * mebibyte,
    dbBytesInUse: usedPercent * mebibyte,
    quotaBytes: 100 * mebibyte,
    diskFreeBytes: freeMebibytes * mebibyte,
    memoryBytes: null,
  },
});
const withDisk = (number: number, freeMebibytes: number): SpaceReport =>
  node(number, 0, freeMebibytes);
const silent = (number: number): SpaceReport => ({ node: number, alive: true, space: null });

const find = (...reports: readonly SpaceReport[]) => findSpaceRefusal(reports, 3);

it('the heap of etcd is limited to half the quota, but at least 512 MiB', () => {
  expect(etcdHeapOf(8_192 * mebibyte)).toBe(4_096 * mebibyte);
  expect(etcdHeapOf(100 * mebibyte)).toBe(512 * mebibyte);
});

describe('findSpaceRefusal', () => {
  it('admits writes while no member is above 90 % of its quota', () => {
    expect(find(node(1, 90), node(2, 10), node(3, 10))).toBeUndefined();
  });

  it('refuses writes if any member is above 90 % of its quota, and names its node', () => {
    const sentence = find(node(1, 10), node(2, 92.5), node(3, 10));
    expect(sentence).toBe(
      'the data of node 2 take 93 % of its quota, and writes are refused above 90 %: ' +
        'start the nodes with a larger VAULT_QUOTA_BYTES',
    );
  });

  it('ignores the last report of a node that is not alive', () => {
    const reports = [node(1, 10), { ...node(2, 99), alive: false }, node(3, 10)];
    expect(find(...reports)).toBeUndefined();
  });

  it('admits writes if one disk of three is nearly full', () => {
    expect(find(withDisk(1, 0), withDisk(2, 128), withDisk(3, 128))).toBeUndefined();
  });

  it('refuses writes if full disks would leave no majority, and names their nodes', () => {
    const sentence = 'has less than 128 MiB left: free space there';
    const two = find(withDisk(1, 127), withDisk(2, 128), withDisk(3, 127));
    expect(two).toBe(`the disk of node 1 and node 3 ${sentence}`);
    const besideSilent = find(withDisk(1, 127), withDisk(2, 128), silent(3));
    expect(besideSilent).toBe(`the disk of node 1 ${sentence}`);
    expect(find(withDisk(1, 127), withDisk(2, 128))).toBe(besideSilent);
  });

  it('treats nodes that never reported as members with a full disk', () => {
    const heard = [withDisk(1, 127), withDisk(2, 128), withDisk(3, 128)];
    expect(findSpaceRefusal(heard, 5)).toContain('the disk of node 1');
  });

  it('admits writes while nodes are silent and no known disk is nearly full', () => {
    expect(find(withDisk(1, 128), silent(2), silent(3))).toBeUndefined();
  });
});

describe('etcdQuotaOf', () => {
  it('is twice the quota of the nodes, and at least 1 GiB more, so that the nodes refuse writes before etcd does', () => {
    expect(etcdQuotaOf(8_192 * mebibyte)).toBe(16_384 * mebibyte);
    expect(etcdQuotaOf(100 * mebibyte)).toBe((100 + 1_024) * mebibyte);
  });
});
