/**
 * One node's etcd files are damaged while the node is down. The node serves again, and nothing is
 * lost.
 */
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { connectEtcd, type EtcdClient } from '../../host/etcd/etcd-client.ts';
import { memberAddress } from '../../host/node/member.ts';
import { hasMemberFiles, memberFiles } from '../../host/node/member-files.ts';
import { startNode, type VaultNode } from '../../host/node/node.ts';
import { freshCertificates } from '../support/certificates.ts';
import { findFreePorts } from '../support/free-ports.ts';
import { freshFolder } from '../support/local-process.ts';
import { perRun } from '../support/long.ts';
import { configOf } from '../support/nodes.ts';
import { seed } from '../support/seed.ts';
import { until, untilSeen } from '../support/until.ts';
import { createRandom } from './chaos/random.ts';

const damagesCount = perRun(6, 80);
const numbers = [1, 2, 3];
const damaged = 3;
const flips = 40;
const pageBytes = 4_096;

const folders = new Map<number, string>();
const lines: string[] = [];
let start: (node: number) => Promise<void>;
const nodes = new Map<number, VaultNode>();
/** A client of node 1's etcd, which takes all writes. */
let etcd: EtcdClient;

const folderOf = (node: number): string => folders.get(node) ?? '';
const stateOf = (node: number) =>
  nodes
    .get(node)
    ?.status()
    .nodes.find((one) => one.node === node);
const untilState = (...states: readonly (string | undefined)[]) =>
  untilSeen(
    () => stateOf(damaged)?.state,
    (state) => states.includes(state),
  );
const end = async (node: number): Promise<void> => {
  await nodes.get(node)?.close();
  nodes.delete(node);
};

/**
 * Writes a key, and repeats that until etcd acknowledges it: on a slow machine the leader may
 * change.
 */
const put = async (key: string): Promise<void> => {
  const request_put = { key: Buffer.from(key), value: Buffer.from(`the value of ${key}`) };
  const txn = { compare: [], success: [{ request_put }], failure: [] };
  const isWritten = () =>
    etcd.txn(txn, performance.now() + 5_000).then(
      () => true,
      () => false,
    );
  await until(isWritten);
};

beforeAll(async () => {
  const tls = await freshCertificates(['127.0.0.1']);
  const ports = await findFreePorts(6);
  const addresses = numbers.map((node, index) => ({
    ...{ node, host: '127.0.0.1' },
    ...{ etcdPort: ports[index] ?? 0, peerPort: ports[index + 3] ?? 0 },
  }));
  for (const node of numbers) folders.set(node, freshFolder());
  start = async (node) => {
    const started = await startNode({
      config: configOf(node, 3, { nodes: addresses, quotaBytes: 1_073_741_824 }),
      folder: folderOf(node),
      cluster: { token: 'one', tls, vaultId: 'v', nodes: 'n', jwks: '', key: { masterKeyId: 'k' } },
      masterKey: () => null,
      report: (line) => void lines.push(line),
    });
    nodes.set(node, started);
  };
  for (const node of numbers) await start(node);
  await Promise.all([...nodes.values()].map(({ serving }) => serving));
  etcd = connectEtcd(memberAddress(folderOf(1)));
  for (let count = 0; count < 400; count += 1) await put(`item/vault\0${count}\0v`);
});
afterAll(async () => {
  etcd?.close();
  await Promise.all([...nodes.keys()].map(end));
  for (const folder of folders.values()) rmSync(folder, { recursive: true, force: true });
});

const fileOf = (kind: 'database' | 'log'): string => {
  const files = memberFiles(folderOf(damaged));
  if (kind === 'database') return join(files, 'snap', 'db');
  const logs = readdirSync(join(files, 'wal')).filter((name) => name.endsWith('.wal'));
  return join(files, 'wal', logs.sort()[0] ?? '');
};

/** Returns the lines in which a node asks for a new member. */
const asking = () => lines.filter((line) => line.includes('asks for a new member'));

/**
 * Damages a file as a failing disk does: single bits, a whole page, or its end. Only the part in
 * use is damaged.
 */
const damage = (kind: 'database' | 'log', number: number): string => {
  const random = createRandom(seed, `damage ${number}`);
  const file = fileOf(kind);
  const bytes = readFileSync(file);
  const used = kind === 'log' ? bytes.findLastIndex((byte) => byte !== 0) + 1 : bytes.length;
  const how = random.pick(['bits', 'bits near each other', 'a page', 'its end']);
  const first = random.below(Math.max(1, used - pageBytes));
  if (how === 'a page') bytes.fill(0x5a, first, first + pageBytes);
  if (how === 'its end') bytes.fill(0, first, used);
  for (let flip = 0; flip < flips && how.startsWith('bits'); flip += 1) {
    const at = how === 'bits' ? random.below(used) : first + random.below(pageBytes);
    bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8));
  }
  writeFileSync(file, bytes);
  return `${how} of the ${kind}`;
};

describe('a node whose files are damaged', () => {
  it('keeps its files while another node is down, and asks for a new member once that node is back', async () => {
    for (const node of [2, damaged]) await end(node);
    // The first page of a log is damaged, which etcd cannot mistake for an unfinished write.
    const log = fileOf('log');
    const bytes = readFileSync(log);
    writeFileSync(log, bytes.fill(0x5a, 0, pageBytes));
    lines.splice(0);
    await start(damaged);
    const doubt =
      /^etcd ended \(.*the other nodes are no majority with equal data of revision \d+ or later$/;
    await untilSeen(
      () => lines.slice(-3),
      () => lines.filter((line) => doubt.test(line)).length > 1,
    );
    expect(stateOf(damaged)).toMatchObject({
      state: 'catching-up',
      reason: expect.stringMatching(/^its etcd ended \(exit code \d: .*\) and is started again$/),
    });
    const isAside = () => existsSync(join(folderOf(damaged), 'etcd.lost'));
    expect([hasMemberFiles(folderOf(damaged)), isAside()]).toEqual([true, false]);
    await start(2);
    await untilState('serving');
    expect(asking()).toHaveLength(1);
  });

  const kinds = ['database', 'log'] as const;
  const cases = Array.from({ length: damagesCount }, (_, index) => index + 1);

  // Shows G2, G12.
  it.each(cases)(
    'serves again after damage %i, at the latest once it is wiped, and has the write that it missed while it was down',
    async (count) => {
      const key = `item/vault\0while ${count}\0v`;
      await end(damaged);
      const what = damage(kinds[count % 2] ?? 'log', count);
      lines.splice(0);
      await put(key);
      await start(damaged);
      if ((await untilState('serving', 'diverged')) === 'diverged') {
        await end(damaged);
        rmSync(folderOf(damaged), { recursive: true });
        folders.set(damaged, freshFolder());
        await start(damaged);
        await untilState('serving');
      }
      const own = connectEtcd(memberAddress(folderOf(damaged)));
      const { kvs } = await own.range({ key: Buffer.from(key) }, performance.now() + 20_000);
      own.close();
      expect([what, kvs.length, asking().length <= 1]).toEqual([what, 1, true]);
      await untilSeen(
        () => existsSync(join(folderOf(damaged), 'etcd.lost')),
        (isThere) => !isThere,
      );
    },
  );
});
