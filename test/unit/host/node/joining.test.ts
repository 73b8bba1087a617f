import { afterEach, describe, expect, it, jest } from '@jest/globals';
import type { TlsFiles } from '../../../../host/http/tls.ts';
import { decideStart } from '../../../../host/node/joining.ts';
import { type NodeRecord, openNodeRecord } from '../../../../host/node/node-record.ts';
import { createPeerCall, servePeers } from '../../../../host/node/peers.ts';
import type { NodeReport } from '../../../../host/node/report.ts';
import { findFreePort } from '../../../../host/process/ports.ts';
import { freshCertificates } from '../../../support/certificates.ts';
import { freshFolder } from '../../../support/local-process.ts';
import { askOf, configOf, counterOf, recordOf, reportOf } from '../../../support/nodes.ts';
import { until } from '../../../support/until.ts';

type Own = {
  readonly start?: number;
  readonly counter?: number;
  readonly hasMemberFiles?: boolean;
  readonly record?: NodeRecord;
  readonly nodes?: number;
};

const stops: AbortController[] = [];
/** Ends all nodes that still wait, even after a failed test. */
afterEach(() => {
  for (const stop of stops.splice(0)) stop.abort();
});
const createStop = (): AbortController => {
  const stop = new AbortController();
  stops.push(stop);
  return stop;
};

/**
 * Starts node 1. The test decides what the other nodes report, and may change it through `said`.
 */
const start = (peers: Record<number, Partial<NodeReport>>, own: Own = {}) => {
  const { hasMemberFiles = false, nodes = 3 } = own;
  const { record = recordOf(own.start) } = own;
  const counter = counterOf(own.counter);
  const waits: string[] = [];
  const stop = createStop();
  const said = { ...peers };
  const decided = decideStart({
    config: configOf(1, nodes),
    ask: askOf((node) => {
      const more = said[node];
      return more && JSON.stringify(reportOf(node, more));
    }),
    record,
    counter,
    hasMemberFiles,
    waitFor: (reason) => void waits.push(reason),
    signal: stop.signal,
  });
  decided.catch(() => undefined);
  return { decided, record, counter, waits, stop, said };
};
const empty = { member: false };
const member = { member: true };
const remembers = (heardStart: number, counter: number) => ({
  member: true,
  heard: { '1': { start: heardStart, counter } },
});

describe('a node without files', () => {
  it('starts a new cluster if all nodes are up and none is a member', async () => {
    expect(await start({ 2: empty, 3: empty }).decided).toBeUndefined();
  });

  it('asks for a new member if another node is in the cluster', async () => {
    const why = 'it has no files, and node 3 is in the cluster';
    expect(await start({ 2: empty, 3: member }).decided).toBe(why);
    expect(await start({ 3: member }).decided).toBe(why);
  });

  it('starts no new cluster if it was in one before, but waits for a node that has files', async () => {
    const folder = freshFolder();
    const record = openNodeRecord(folder, 1, 'this');
    await record.enterCluster();
    const { decided, waits, said } = start({ 2: empty, 3: empty }, { record });
    await until(() => waits.length === 1);
    expect(waits).toEqual(['it has no files and waits for a node that has some']);
    said[3] = member;
    expect(await decided).toContain('node 3 is in the cluster');
  });

  it('waits for all other nodes, and names those that are missing', async () => {
    const { decided, waits, said } = start({});
    await until(() => waits.length === 1);
    said[3] = empty;
    await until(() => waits.length === 2);
    said[2] = empty;
    expect(await decided).toBeUndefined();
    expect(waits).toEqual([
      'it has no files and waits for node 2 and 3',
      'it has no files and waits for node 2',
    ]);
  });

  it('asks for a new member if another node remembers it, even if that node is not a member', async () => {
    const { decided, record } = start({ 2: { ...remembers(4, 90), member: false } });
    expect(await decided).toBe(
      'node 2 heard of its start 4 at counter 90, which is missing in its files',
    );
    expect(record.start()).toBe(5);
  });
});

describe('a node with files', () => {
  const own = { hasMemberFiles: true, start: 5, counter: 90 };

  it('starts with its files if one other node is up and remembers no later state of it', async () => {
    expect(await start({ 2: remembers(4, 90) }, own).decided).toBeUndefined();
    expect(await start({ 3: remembers(4, 12) }, own).decided).toBeUndefined();
    expect(await start({ 3: member }, own).decided).toBeUndefined();
  });

  it('waits while it is alone, and names the nodes that it waits for', async () => {
    const { decided, waits, stop } = start({}, own);
    await until(() => waits.length === 1);
    expect(waits).toEqual(['it waits for another node: 2 or 3']);
    stop.abort();
    await expect(decided).rejects.toThrow();
  });

  const strange = 'node 2 and 3 are of another cluster: all nodes need the same cluster.json';
  const expired = 'the certificate of the nodes has expired: docs/deploy/machines.md renews it';
  it.each([
    [
      'another certificate',
      0,
      async () => ({ token: 'one', tls: await freshCertificates() }),
      strange,
    ],
    ['another token', 0, async (tls: TlsFiles) => ({ token: 'other', tls }), strange],
    ['an expired certificate', 11, async (tls: TlsFiles) => ({ token: 'one', tls }), expired],
  ])('says that the other nodes have %s', async (_, ageYears, open, said) => {
    const port = await findFreePort();
    const nodes = [1, 2, 3].map((node) => ({
      node,
      host: '127.0.0.1',
      etcdPort: 1,
      peerPort: port,
    }));
    const config = { ...configOf(1), nodes };
    const routes = new Map([['GET /report', async () => JSON.stringify(reportOf(2, member))]]);
    const made = jest.spyOn(Date, 'now').mockReturnValue(Date.now() - ageYears * 366 * 86_400_000);
    const tls = await freshCertificates();
    made.mockRestore();
    const server = await servePeers({ ...config, node: 2 }, { token: 'one', tls }, routes);
    const waits: string[] = [];
    const stop = createStop();
    const decided = decideStart({
      ...{ config, ask: createPeerCall(config, await open(tls)) },
      ...{ record: recordOf(5), counter: counterOf(), hasMemberFiles: true, signal: stop.signal },
      waitFor: (reason) => void waits.push(reason),
    });
    decided.catch(() => undefined);
    try {
      await until(() => waits.length === 1);
      expect(waits).toEqual([`it waits for another node: 2 or 3; ${said}`]);
    } finally {
      await server.close();
    }
    stop.abort();
    await expect(decided).rejects.toThrow();
  });

  it('waits for a majority in a cluster of five', async () => {
    const { decided, waits, said } = start({ 3: member }, { ...own, nodes: 5 });
    await until(() => waits.length === 1);
    expect(waits).toEqual(['it waits for another node: 2 or 4 or 5']);
    said[5] = member;
    expect(await decided).toBeUndefined();
  });

  it.each([
    ['its present start number', 5, 90],
    ['a later start number', 9, 0],
  ])('asks for a new member if a peer remembers %s', async (_, heardStart, counter) => {
    const peers = { 2: remembers(heardStart, counter), 3: remembers(4, 80) };
    const { decided, record } = start(peers, own);
    const why = `node 2 heard of its start ${heardStart} at counter ${counter}`;
    expect(await decided).toBe(`${why}, which is missing in its files`);
    expect(record.start()).toBe(heardStart + 1);
  });

  it('asks for a new member if its counter is below the one that a peer remembers', async () => {
    const { decided } = start({ 2: remembers(4, 91), 3: remembers(4, 80) }, own);
    expect(await decided).toBe(
      'node 2 heard of its start 4 at counter 91, which is missing in its files',
    );
  });

  it('continues from the highest counter that a peer remembers, so that its next start does not look old', async () => {
    const { decided, counter } = start({ 2: remembers(4, 91), 3: remembers(4, 200) }, own);
    await decided;
    expect(counter.value()).toBe(200);
  });

  it('asks for a new member at each start until it is in the cluster, whichever peer it asks', async () => {
    const folder = freshFolder();
    await openNodeRecord(folder, 1, 'this').enterCluster();
    for (const other of [2, 3, 2]) {
      const again = { ...own, record: openNodeRecord(folder, 1, 'this') };
      expect(await start({ [other]: remembers(2, 90) }, again).decided).toContain('start 2');
    }
  });

  it('continues above the highest start number that any peer remembers', async () => {
    const { decided, record } = start({ 2: remembers(6, 0), 3: remembers(8, 0) }, own);
    await decided;
    expect(record.start()).toBe(9);
  });
});
