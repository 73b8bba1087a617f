/**
 * How the parts of a node work together. The test provides its etcd, the other nodes and the ports.
 */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { EtcdClient } from '../../../../host/etcd/etcd-client.ts';
import { endOf, type TlsFiles } from '../../../../host/http/tls.ts';
import { clusterIdOf } from '../../../../host/node/cluster-file.ts';
import { findServed } from '../../../../host/node/member-files.ts';
import { startNodeIn, type VaultNode } from '../../../../host/node/node.ts';
import { openNodeRecord } from '../../../../host/node/node-record.ts';
import type { PeerRoute } from '../../../../host/node/peers.ts';
import type { NodeReport } from '../../../../host/node/report.ts';
import { freshCertificates } from '../../../support/certificates.ts';
import { freshFolder } from '../../../support/local-process.ts';
import { createMemoryEtcd, type MemoryEtcd } from '../../../support/memory-etcd.ts';
import { askOf, configOf, memberCallsOf, memberStatus, reportOf } from '../../../support/nodes.ts';
import { requestContext } from '../../../support/requests.ts';
import { until } from '../../../support/until.ts';

let folder: string;
let node: VaultNode | undefined;
let steps: string[];
let routes: ReadonlyMap<string, PeerRoute>;
/** What the other nodes report. A node that is missing here does not answer. */
let peers: Map<number, Partial<NodeReport>>;
let hashes: Map<number, number>;

/**
 * The revision that the node's etcd has applied, and the revision that its linearizable reads
 * return.
 */
let revision: number;
let readsAt: number;
let etcd: MemoryEtcd;
let dbBytesInUse: number;
let hashMs: number;
/**
 * What the node passed to its member: called when etcd ended, when the member is lost, and to ask
 * whether the files may be sound.
 */
let endEtcd: (how: string) => void;
let getMember: (why: string) => Promise<string>;
let findDoubt: (refusal: string | undefined) => Promise<string | undefined>;

const happened = (step: string): number => steps.filter((one) => one === step).length;
const hear = (from: number, more: Partial<NodeReport>) =>
  routes.get('POST /report')?.(JSON.stringify(reportOf(from, more)));

/**
 * A closed node may finish its last comparison during the next test. It then adds to its own
 * `events`, not to those of that test.
 */
const memberWith = (events: string[]) =>
  memberCallsOf({
    status: async () => ({
      ...memberStatus,
      version: '3.7.3',
      revision,
      isLeader: true,
      dbBytesInUse,
    }),
    hashKeys: async (at) => {
      events.push('hash');
      await sleep(hashMs);
      return { revision: at, compactRevision: 0, hash: hashes.get(1) ?? 0 };
    },
    moveLeader: async (memberId) => void events.push(`leader ${memberId}`),
    listMembers: async () =>
      [1, 2, 3].map((one) => ({
        ID: `of ${one}`,
        name: `node-${one}`,
        peerURLs: [`https://127.0.0.1:${2_380 + one}`],
      })),
    removeMember: async (id) => void events.push(`removed ${id}`),
    addMember: async () => [],
  });

const answerOf = (other: number, path: string, body: string): string | undefined => {
  const said = peers.get(other);
  if (said === undefined) return undefined;
  const { announced, revision: at } = body === '' ? Object() : JSON.parse(body);
  if (announced) steps.push('announced');
  if (path === '/member') return '{"cluster":"node-1=a"}';
  if (path === '/report') return JSON.stringify(reportOf(other, said));
  return JSON.stringify({
    revision: at,
    compactRevision: 0,
    hash: hashes.get(other),
    etcd: '3.7.3',
  });
};

let tls: TlsFiles;
beforeAll(async () => {
  tls = await freshCertificates();
});

/** Starts node 1 of `count` nodes. It was in the cluster before and has its files. */
const start = async (count = 3): Promise<void> => {
  await openNodeRecord(folder, 1, clusterIdOf({ token: '' })).enterCluster();
  mkdirSync(join(folder, 'etcd', 'member'), { recursive: true });
  writeFileSync(join(folder, 'etcd', 'member', 'wal'), '');
  etcd = createMemoryEtcd();
  const client: EtcdClient = {
    ...etcd,
    range: async (request, deadline) => {
      const header = { cluster_id: '1', revision: String(readsAt) };
      return { ...(await etcd.range(request, deadline)), header };
    },
  };
  node = await startNodeIn(
    {
      config: { ...configOf(1, count), compareEveryMs: 3_600_000 },
      folder,
      cluster: { token: '', vaultId: 'v', nodes: 'n', jwks: '', tls, key: { masterKeyId: 'k' } },
      masterKey: () => 'usable',
      report: () => undefined,
    },
    {
      etcd: client,
      etcdOfCallers: client,
      member: memberWith(steps),
      ask: askOf(answerOf),
      servePeers: async (given) => {
        routes = given;
        return { close: async () => undefined };
      },
      serveSocket: async () => ({ close: async () => undefined }),
      startMember: async (options) => {
        steps.push('etcd');
        ({ onEnded: endEtcd, findDoubt, onLost: getMember } = options);
        return { memoryBytes: () => 41_000_000, close: async () => undefined };
      },
    },
  );
};

beforeEach(() => {
  folder = freshFolder();
  steps = [];
  [revision, readsAt] = [memberStatus.revision, memberStatus.revision];
  dbBytesInUse = memberStatus.dbBytesInUse;
  hashMs = 0;
  peers = new Map([2, 3].map((other) => [other, { member: true, memberId: `of ${other}` }]));
  hashes = new Map([1, 2, 3, 4, 5].map((one) => [one, 7]));
});
afterEach(async () => {
  await node?.close();
});

describe('a node with files', () => {
  it('has its start recorded by the other nodes before its etcd starts', async () => {
    await start();
    await until(() => happened('etcd') > 0);
    expect(steps.slice(0, steps.indexOf('etcd'))).toContain('announced');
    await node?.serving;
  });

  it('reports the memory of its etcd and the end of its certificate', async () => {
    await start();
    await node?.serving;
    const report = await routes.get('GET /report')?.('');
    expect(JSON.parse(report ?? '')).toMatchObject({
      space: { memoryBytes: 41_000_000 },
      certificateEndsAt: endOf(tls),
    });
  });

  it.each([
    ['hashes a copy below 1 GB', 1_000_000_000, 1],
    ['does not hash a larger copy, which would stop its etcd,', 2_000_000_000, 0],
  ])('%s when it is asked for its status', async (_, bytes, expected) => {
    dbBytesInUse = bytes;
    await start();
    await node?.serving;
    const before = happened('hash');
    await routes.get('GET /status')?.('');
    expect(happened('hash') - before).toBe(expected);
  });

  it('hashes its data once at a time, and then pauses, however often it is asked for its status', async () => {
    await start();
    await node?.serving;
    const before = happened('hash');
    hashMs = 300;
    const ask = async () => await routes.get('GET /status')?.('');
    await Promise.all([ask(), ask(), ask()]);
    await ask();
    expect(happened('hash') - before).toBe(1);
  });

  it('reports how its etcd ended, and serves again only after a new comparison', async () => {
    await start();
    await node?.serving;
    const before = happened('hash');
    endEtcd('its etcd ended (exit code 2: panic) and is started again');
    const own = () => node?.status().nodes.find((one) => one.node === 1);
    expect(own()).toMatchObject({
      state: 'catching-up',
      reason: 'its etcd ended (exit code 2: panic) and is started again',
    });
    await until(() => own()?.state === 'serving');
    expect(happened('hash')).toBeGreaterThan(before);
  });

  it('starts counting the endings of its etcd anew each time that it has served', async () => {
    await start();
    await node?.serving;
    for (let round = 0; round < 3; round += 1) {
      expect(await findDoubt(undefined)).toBe('it has ended for the first time');
      endEtcd('its etcd ended');
      await until(() => node?.status().nodes.find((one) => one.node === 1)?.state === 'serving');
    }
  });

  it('records which etcd release serves its files, and removes files that were put aside', async () => {
    mkdirSync(join(folder, 'etcd.lost'));
    await start();
    await node?.serving;
    await until(() => !existsSync(join(folder, 'etcd.lost')));
    expect(findServed(folder)).toMatchObject({ release: '3.7' });
  });

  it('compares its data at once when another node reports that it has diverged', async () => {
    await start();
    await node?.serving;
    const before = happened('hash');
    await hear(2, { state: 'diverged', member: true });
    await until(() => happened('hash') > before);
  });
});

const ownState = () => node?.status().nodes.find((one) => one.node === 1);
const ownReport = async () => JSON.parse((await routes.get('GET /report')?.('')) ?? '');

describe('a node that lacks acknowledged writes', () => {
  it('does not serve while the only other node that answers has a later revision, even if their data are otherwise equal', async () => {
    peers = new Map([[2, { member: true, memberId: 'of 2', appliedRevision: 70 }]]);
    await start();
    await until(() => ownState()?.state === 'diverged');
    expect(ownState()?.reason).toBe(
      'acknowledged writes are missing here: node 2 has revision 70, this node 9',
    );
    // This node and node 3 have equal data and are a majority, so node 2's higher revision is
    // ignored.
    peers.set(3, { member: true, memberId: 'of 3' });
    await until(() => ownState()?.state === 'serving');
  });

  it('records its highest revision every second, and reports it before its etcd runs again', async () => {
    await start();
    await node?.serving;
    [revision, readsAt] = [12, 12];
    await until(() => findServed(folder)?.revision === 12);
    await node?.close();
    [revision, readsAt] = [9, 9];
    peers = new Map();
    await start();
    expect([(await ownReport()).appliedRevision, (await ownReport()).knownRevision]).toEqual([
      0, 12,
    ]);
    peers = new Map([2, 3].map((other) => [other, { member: true }]));
    await until(() => ownState()?.state === 'diverged');
    expect(ownState()?.reason).toBe(
      'acknowledged writes are missing here: this node had revision 12, and has 9 now',
    );
    expect(findServed(folder)?.revision).toBe(12);
  });

  it('reports the revision of an answer that its etcd gave since the last check', async () => {
    await start();
    await node?.serving;
    readsAt = 90;
    await node?.itemsOf(requestContext()).probe();
    expect((await ownReport()).knownRevision).toBe(90);
  });

  it('forgets its old revision once it has a new member, which receives what a majority holds', async () => {
    await start();
    await node?.serving;
    readsAt = 90;
    await node?.itemsOf(requestContext()).probe();
    await getMember('its files are damaged');
    expect((await ownReport()).knownRevision).toBeLessThan(90);
  });

  it('compares its data at once when a node that knows a later revision starts', async () => {
    await start();
    await node?.serving;
    const before = happened('hash');
    peers.set(2, { member: true, start: 2, knownRevision: 70 });
    await hear(2, { member: true, start: 2, knownRevision: 70 });
    await until(() => happened('hash') > before);
  });
});

describe('a node that is asked for a new member', () => {
  const ask = async () =>
    await routes.get('POST /member')?.(JSON.stringify({ node: 2, instead: 'of 2' }));

  it('adds one, and forgets what it received from the lost member', async () => {
    await start();
    await node?.serving;
    const last = { start: 4, counter: 9 };
    await routes.get('POST /report')?.(JSON.stringify({ ...reportOf(2, last), announced: true }));
    expect((await ownReport()).heard).toEqual({ '2': last });
    expect(JSON.parse((await ask()) ?? '')).toEqual({ cluster: '' });
    expect(happened('removed of 2')).toBe(1);
    expect((await ownReport()).heard).toEqual({});
  });

  it('adds none while only the lost member has the same data', async () => {
    await start();
    await node?.serving;
    hashes.set(3, 8);
    await expect(ask()).rejects.toThrow('the other nodes do not agree on the data');
    expect(happened('removed of 2')).toBe(0);
  });
});

it('a node reports the revision of its hash even if that is newer than its last check of etcd', async () => {
  await start();
  await routes.get('POST /hash')?.('{"revision":30}');
  expect(await ownReport()).toMatchObject({ appliedRevision: 30, digest: { revision: 30 } });
});

describe('the items of a node', () => {
  const key = { pk: 'p', sk: 's' };
  const put = { key, expected: { is: 'absent' }, put: { pk: { S: 'p' }, sk: { S: 's' } } } as const;
  const items = () => node?.itemsOf(requestContext());

  // Shows G15.
  it('are refused to callers until the node serves, with the reason', async () => {
    await start();
    const message = expect.stringMatching(/^this node is (waiting|joining|catching-up): /);
    await expect(items()?.get([key])).rejects.toMatchObject({ cause: { message } });
    await expect(items()?.write([put])).rejects.toMatchObject({ cause: { message } });
    await node?.serving;
    expect(await items()?.write([put])).toBe('written');
  });

  it('can be read but not written while space is short', async () => {
    dbBytesInUse = configOf(1, 3).quotaBytes;
    await start();
    await node?.serving;
    const message = expect.stringMatching(/^the data of node 1 take 100 % of its quota/);
    await expect(items()?.write([put])).rejects.toMatchObject({ cause: { message } });
    expect(await items()?.get([key])).toEqual([undefined]);
  });
});

describe('a leader whose data differ from those of the other nodes', () => {
  it('passes its leadership to a node that serves and answers', async () => {
    peers = new Map(
      [3, 5].map((other) => [other, { member: true, memberId: `of ${other}`, state: 'waiting' }]),
    );
    hashes.set(1, 8);
    await start(5);
    // Node 2 has sent a report, but does not answer calls.
    await hear(2, { member: true, memberId: 'of 2' });
    peers.set(4, { member: true, memberId: 'of 4' });
    await until(() => steps.some((step) => step.startsWith('leader')));
    expect(steps.find((step) => step.startsWith('leader'))).toBe('leader of 4');
  });
});
