/** Web pages in a real browser against a cluster of three nodes on this machine. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type ClusterProcess, endCluster, startCluster } from '../../support/cluster-process.ts';
import { familyOf, listeningOf } from '../../support/listening.ts';
import { issueToken } from '../../support/tokens.ts';
import { untilSeen } from '../../support/until.ts';
import { attemptsOf } from './attempts.ts';
import { openPages, readable } from './pages.ts';

let cluster: ClusterProcess;
const nodes = [1, 2, 3];
/** Each node has HTTP, etcd's peer port, node-to-node, front and relay. */
const portCount = 3 * 5;

/** The actual ports on which the parts of the cluster listen. */
const ports = (): number[] => {
  const found = listeningOf(familyOf(cluster.process.child.pid ?? 0)).map(({ port }) => port);
  expect(found).toHaveLength(portCount);
  return found;
};

/** The state of all nodes, once each reports the last revision and its digest. Fails unless their data are equal. */
const content = async () => {
  const { nodes: all, equal } = await untilSeen(
    cluster.status,
    (status) =>
      status.nodes.every(({ lag, digest }) => lag === 0 && digest !== null) &&
      new Set(status.nodes.map(({ digest }) => digest)).size === 1,
  );
  expect(equal).toBe(true);
  return all.map(({ node, state, appliedRevision, digest }) => ({
    node,
    state,
    appliedRevision,
    digest,
  }));
};

/** Asserts that all nodes still have the state `before` and serve the secret. */
const expectUntouched = async (before: Awaited<ReturnType<typeof content>>): Promise<void> => {
  expect(await content()).toEqual(before);
  for (const node of nodes) {
    expect((await cluster.ask(node, 'GET', '/v1/secrets/KEPT')).body['value']).toBe('v');
    expect((await cluster.ask(node, 'GET', '/v1/secrets')).body['names']).toEqual(['KEPT']);
  }
};

beforeAll(async () => {
  cluster = await startCluster();
  const body = { name: 'KEPT', value: 'v' };
  expect((await cluster.ask(1, 'POST', '/v1/secrets', { body })).status).toBe(201);
  // A node that has answered this read has applied all earlier writes.
  for (const node of nodes) await cluster.ask(node, 'GET', '/v1/secrets/KEPT');
});
afterAll(() => endCluster(cluster));

describe('a page of another origin', () => {
  it('reads nothing from any port of 127.0.0.1, and changes nothing, even with a valid token', async () => {
    const before = await content();
    const token = issueToken(join(cluster.folder, 'key'), { tenant: 'cluster-test' });
    const bases = ports().flatMap((port) => [
      `http://127.0.0.1:${port}`,
      `https://127.0.0.1:${port}`,
    ]);
    const [outcomes = []] = await openPages([{ bases }], attemptsOf(token));
    expect(outcomes).toHaveLength(2 * portCount * attemptsOf(token).length);
    expect(outcomes.filter(({ read }) => read !== null)).toEqual([]);
    await expectUntouched(before);
  });
});

describe('a page that rebinds its own name to 127.0.0.1', () => {
  it('reads only that the vaults run, and changes nothing', async () => {
    const before = await content();
    const pages = ports().map((port) => ({ rebound: { host: '127.0.0.1', port } }));
    const outcomes = await openPages(pages, attemptsOf('guessed'));
    expect(outcomes.flatMap(readable)).toEqual(nodes.map(() => 'GET /health {"status":"ok"}'));
    await expectUntouched(before);
  });
});
