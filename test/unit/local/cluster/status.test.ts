import { createServer, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { createBoundedServer } from '../../../../local/bounded-server.ts';
import { bounds } from '../../../../local/bounds.ts';
import type { TlsFiles } from '../../../../local/cluster/cluster-file.ts';
import {
  askNode,
  askStatus,
  compareNodes,
  type Observed,
  tableOf,
} from '../../../../local/cluster/status.ts';
import { freshCertificates } from '../../../support/certificates.ts';

const said = (appliedRevision: number, more = {}) => ({
  leader: false,
  appliedRevision,
  lag: 0,
  digest: `${appliedRevision}`.repeat(16),
  state: 'serving',
  ...more,
});
const seen = (node: number, answer: Observed['answer'], more = {}): Observed => ({
  node,
  isolated: false,
  process: 'running',
  answer,
  ...more,
});

describe('the status of a cluster', () => {
  it('tells how far each node is behind the furthest revision that any node knows', () => {
    const { nodes, equal } = compareNodes([
      seen(1, said(90)),
      seen(2, said(100, { leader: true })),
      seen(3, said(95, { lag: 7 })),
    ]);
    expect(nodes.map(({ lag }) => lag)).toEqual([12, 2, 7]);
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
    });
    expect(nodes[1]).toMatchObject({ alive: false, state: 'silent' });
    expect(nodes[2]).toMatchObject({ alive: true, lag: 0, state: 'serving', isolated: true });
  });

  it('is equal unless two nodes differ at one revision', () => {
    const other = said(7, { digest: 'f'.repeat(64) });
    expect(compareNodes([seen(1, said(7)), seen(2, said(7))]).equal).toBe(true);
    expect(compareNodes([seen(1, said(8)), seen(2, other)]).equal).toBe(true);
    expect(compareNodes([seen(1, said(7)), seen(2, said(8)), seen(3, other)]).equal).toBe(false);
    expect(compareNodes([seen(1, undefined), seen(2, undefined)]).equal).toBe(true);
  });

  it('is not equal if a node itself says that it differs', () => {
    const diverged = said(9, { state: 'diverged' });
    expect(compareNodes([seen(1, said(7)), seen(2, diverged)]).equal).toBe(false);
  });

  it('is printed as a table, with the reasons and the verdict below', () => {
    const status = compareNodes([
      seen(1, said(1234, { leader: true })),
      seen(2, said(1230, { state: 'no-majority', reason: 'it hears no majority' }), {
        isolated: true,
      }),
      seen(3, undefined, { process: 'killed' }),
    ]);
    expect(tableOf(status).split('\n')).toEqual([
      'node  alive  state        peers      leader  applied  lag  digest',
      '1     yes    serving      connected  yes     1234     0    123412341234',
      '2     yes    no-majority  cut off    no      1230     4    123012301230',
      '3     no     killed       connected  no      -        -    -',
      'node 2: it hears no majority',
      'the digests at equal revisions are equal',
    ]);
    expect(tableOf({ ...status, equal: false })).toMatch(/DIFFER/);
  });
});

describe('a node that is asked for its status', () => {
  const servers: Server[] = [];
  afterEach(() => {
    for (const server of servers.splice(0)) server.close().closeAllConnections();
  });
  const listen = async (listener: RequestListener): Promise<number> => {
    const server = createServer(listener);
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return (server.address() as AddressInfo).port;
  };

  it('is shown the secret of the cluster', async () => {
    const port = await listen(({ method, url, headers }, response) => {
      const isRight = `${method} ${url} ${headers.authorization}` === 'GET /status Bearer word';
      response.writeHead(isRight ? 200 : 401).end(isRight ? JSON.stringify(said(3)) : '');
    });
    expect(await askNode(port, 'word', '127.0.0.1')).toEqual(said(3));
    expect(await askNode(port, 'other', '127.0.0.1')).toBeUndefined();
  });

  it.each<[string, RequestListener]>([
    ['never', () => undefined],
    ['half', (_, response) => void response.write('{"leader"')],
    ['too much', (_, response) => void response.end(' '.repeat(70_000) + JSON.stringify(said(3)))],
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
  ])('does not hold up who asks if it answers %s', async (_, listener) => {
    expect(await askNode(await listen(listener), 'word', '127.0.0.1', 200)).toBeUndefined();
  });

  it('does not answer if nothing listens', async () => {
    const port = await listen(() => undefined);
    const [server] = servers.splice(0);
    await new Promise((resolve) => server?.close(resolve));
    expect(await askNode(port, 'word', '127.0.0.1')).toBeUndefined();
  });
});

describe('askStatus', () => {
  let tls: TlsFiles;
  let server: Server;
  let port: number;
  let asked = 0;
  const hidden = '127.213.7.7';
  beforeAll(async () => {
    tls = await freshCertificates();
    server = createBoundedServer({
      bounds,
      tls,
      respond: async ({ request, response }) => {
        asked += 1;
        if (`${request.method} ${request.url}` === 'GET /status') {
          response.end(JSON.stringify(said(3)));
        }
      },
    });
    await new Promise<void>((resolve) => server.listen(0, hidden, resolve));
    port = (server.address() as AddressInfo).port;
  });
  afterAll(() => server.close().closeAllConnections());

  it('reads the status of a node at any address of this machine', async () => {
    expect(await askStatus(hidden, port, tls)).toEqual(said(3));
  });

  it('is not answered without a certificate of the cluster', async () => {
    const { certificate, key } = await freshCertificates();
    const before = asked;
    expect(await askStatus(hidden, port, { ...tls, certificate, key })).toBeUndefined();
    expect(asked).toBe(before);
  });

  it('believes no server that has another certificate', async () => {
    const { ca } = await freshCertificates();
    expect(await askStatus(hidden, port, { ...tls, ca })).toBeUndefined();
  });

  it('gives up a node that does not answer in time', async () => {
    const silent = createTcpServer((socket) => socket.resume()).listen(0, hidden);
    await new Promise((resolve) => silent.once('listening', resolve));
    const { port: silentPort } = silent.address() as AddressInfo;
    expect(await askStatus(hidden, silentPort, tls, 200)).toBeUndefined();
    await new Promise((resolve) => silent.close(resolve));
  });
});
