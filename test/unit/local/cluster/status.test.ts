import type { RequestListener } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import {
  askNode,
  compareNodes,
  type NodeObservation,
  requireWholeCopies,
  tableOf,
} from '../../../../local/cluster/status.ts';
import { mutualTls, type TlsFiles } from '../../../../local/http/tls.ts';
import { clusterIdOf } from '../../../../local/node/cluster-file.ts';
import { freshCertificates } from '../../../support/certificates.ts';

const digestOf = (revision: number, hash: string) => ({ revision, compactRevision: -1, hash });

type Answer = NonNullable<NodeObservation['answer']>;

const said = (appliedRevision: number, more: Partial<Answer> = {}): Answer => ({
  leader: false,
  appliedRevision,
  digest: digestOf(appliedRevision, `${appliedRevision}`.padStart(8, '0')),
  etcd: '3.7.3',
  state: 'serving',
  reason: null,
  masterKey: 'usable',
  certificateEndsAt: null,
  ...more,
});
const seen = (node: number, answer: NodeObservation['answer'], more = {}): NodeObservation => ({
  node,
  isolated: false,
  process: 'running',
  answer,
  ...more,
});

describe('the wipe of a node', () => {
  const wiped = (...others: readonly NodeObservation[]) => {
    const status = compareNodes([...others, seen(3, undefined)]);
    return () => requireWholeCopies(status, 3);
  };

  it('proceeds while both other nodes serve, whatever the state of the node itself', () => {
    expect(wiped(seen(1, said(5)), seen(2, said(5)))).not.toThrow();
  });

  it.each([
    ['is dead', seen(2, undefined, { process: 'killed' }), 'only one other node serves'],
    ['catches up', seen(2, said(4, { state: 'catching-up' })), 'only one other node serves'],
    ['was cut off just now', seen(2, said(5), { isolated: true }), 'only one other node serves'],
  ])('fails while another node %s', (_, other, why) => {
    expect(wiped(seen(1, said(5)), other)).toThrow(
      `node 3 keeps its data, because two whole copies must stay and ${why}: start or heal the other nodes first`,
    );
  });

  it('fails while no other node serves', () => {
    const diverged = said(5, { state: 'diverged' });
    expect(wiped(seen(1, diverged), seen(2, diverged))).toThrow('no other node serves');
  });
});

describe('the status of a cluster', () => {
  it('tells how far each node is behind the furthest node', () => {
    const { nodes, equal } = compareNodes([
      seen(1, said(90)),
      seen(2, said(100, { leader: true })),
      seen(3, said(95)),
    ]);
    expect(nodes.map(({ lag }) => lag)).toEqual([10, 0, 5]);
    expect(nodes.map(({ leader }) => leader)).toEqual([false, true, false]);
    expect(equal).toBe(true);
  });

  it('says why a node does not answer, and nothing of what it holds', () => {
    const { nodes } = compareNodes([
      seen(1, undefined, { process: 'killed' }),
      seen(2, undefined),
      seen(3, said(5), { isolated: true }),
    ]);
    expect(nodes[0]).toEqual({
      node: 1,
      alive: false,
      leader: false,
      appliedRevision: null,
      lag: null,
      digest: null,
      state: 'killed',
      isolated: false,
      reason: null,
      etcd: null,
      mayReadStale: false,
      masterKey: null,
      certificateEndsAt: null,
    });
    expect(nodes[1]).toMatchObject({ alive: false, state: 'silent' });
    expect(nodes[2]).toMatchObject({ alive: true, lag: 0, state: 'serving', isolated: true });
  });

  it('reports unequal if two nodes differ at one revision', () => {
    const other = said(7, { digest: digestOf(7, 'ffffffff') });
    expect(compareNodes([seen(1, said(7)), seen(2, said(8)), seen(3, other)]).equal).toBe(false);
    expect(compareNodes([seen(1, said(7)), seen(2, undefined)]).equal).toBe(true);
  });

  it('prints a table with the reasons and the result below', () => {
    const status = compareNodes([
      seen(1, said(1234, { leader: true })),
      seen(
        2,
        said(1230, { state: 'no-majority', reason: 'it hears no majority', masterKey: 'disabled' }),
        {
          isolated: true,
        },
      ),
      seen(3, undefined, { process: 'killed' }),
    ]);
    expect(tableOf(status).split('\n')).toEqual([
      'node  alive  state        peers      leader  applied  lag  digest    key',
      '1     yes    serving      connected  yes     1234     0    00001234  usable',
      '2     yes    no-majority  cut off    no      1230     4    00001230  disabled',
      '3     no     killed       connected  no      -        -    -         -',
      'node 2: it hears no majority',
      'the digests at equal revisions are equal',
    ]);
    expect(tableOf({ ...status, equal: false })).toMatch(/DIFFER/);
  });

  it('marks the nodes whose etcd may answer stale reads', () => {
    const status = compareNodes([
      seen(1, said(7, { etcd: '3.4.23' })),
      seen(2, said(7)),
      seen(3, said(7, { etcd: '3.6.8' })),
    ]);
    expect(status.nodes.map(({ mayReadStale }) => mayReadStale)).toEqual([true, false, true]);
    expect(tableOf(status).split('\n').slice(-2)).toEqual([
      'etcd 3.4.23 of node 1, etcd 3.6.8 of node 3: known to answer stale reads after a pause (docs/runbook.md names later releases)',
      'the digests at equal revisions are equal',
    ]);
  });

  it('warns of a certificate from 30 days before its end, says when it ends and how to renew it', () => {
    const now = Date.parse('2036-10-25T12:00:00.000Z');
    jest.spyOn(Date, 'now').mockReturnValue(now);
    const [soon, later] = ['2036-11-24T11:59:59.000Z', '2036-11-24T12:00:00.000Z'];
    const status = compareNodes([
      seen(1, said(7, { certificateEndsAt: soon })),
      seen(2, said(7, { certificateEndsAt: later })),
      seen(3, undefined),
    ]);
    expect(status.nodes.map((node) => node.certificateEndsAt)).toEqual([soon, later, null]);
    expect(tableOf(status).split('\n').slice(-2)).toEqual([
      `the certificate ends of node 1 at ${soon}: npm run cluster -- init FOLDER --renew makes another one ` +
        '(docs/deploy/machines.md); npm run cluster makes its own at its next start',
      'the digests at equal revisions are equal',
    ]);
    jest.restoreAllMocks();
  });
});

describe('a node that is asked for its status', () => {
  const host = '127.0.0.1';
  const token = 'one';
  let tls: TlsFiles;
  beforeAll(async () => {
    tls = await freshCertificates();
  });
  const servers: Server[] = [];
  afterEach(() => {
    for (const server of servers.splice(0)) server.close().closeAllConnections();
  });
  const listen = async (listener: RequestListener): Promise<number> => {
    const server = createServer(mutualTls(tls), listener);
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, host, resolve));
    return (server.address() as AddressInfo).port;
  };
  const report = {
    ...{ ...said(3), node: 1, alive: true, comparedAt: null, etcd: '3.4.23', memberId: '7' },
    ...{ space: null, start: 1, counter: 1, member: true, heard: {} },
  };

  it('answers a program that shows a certificate of the cluster and names it', async () => {
    const port = await listen(({ url, headers }, response) => {
      const isRight = url === '/status' && headers['vault-cluster'] === clusterIdOf({ token });
      response.writeHead(isRight ? 200 : 404).end(JSON.stringify(report));
    });
    expect(await askNode(host, port, { token, tls })).toEqual(report);
    expect(await askNode(host, port, { token, tls: await freshCertificates() })).toBeUndefined();
    const [server] = servers.splice(0);
    server?.closeAllConnections();
    await new Promise((resolve) => server?.close(resolve));
    expect(await askNode(host, port, { token, tls })).toBeUndefined();
  });

  it.each<[string, RequestListener]>([
    ['never', () => undefined],
    ['half', (_, response) => void response.write('{"leader"')],
    ['too much', (_, response) => void response.end(' '.repeat(70_000) + JSON.stringify(report))],
    ['in another form', (_, response) => void response.end('{"leader":true}')],
    [
      'without end',
      (_, response) => {
        const go = () => {
          while (!response.destroyed && response.write('x'.repeat(10_000)));
        };
        response.on('drain', go);
        go();
      },
    ],
  ])(
    'delays the asking program only up to the time limit if it answers %s',
    async (_, listener) => {
      expect(await askNode(host, await listen(listener), { token, tls }, 200)).toBeUndefined();
    },
  );
});
