/** Pages of other origins in a real browser try every port of `npm start` and of three nodes. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Browser } from 'playwright-core';
import { storeFile } from '../../host/sqlite/database.ts';
import { openSqliteStore } from '../../host/sqlite/sqlite-store.ts';
import { launchChromium } from '../support/chromium.ts';
import { useCluster } from '../support/cluster-process.ts';
import { familyOf, listeningOf } from '../support/listening.ts';
import { hand, html, serveWhile } from '../support/page-server.ts';
import { useVault } from '../support/running-vault.ts';
import { untilSeen } from '../support/until.ts';
import { type Attempt, attemptsAt, attemptsOf, type Outcome } from './attempts.ts';

/** The name of the attacker's page, whose DNS the attacker controls. */
const hostileName = 'attacker.test';
let browser: Browser;
beforeAll(async () => {
  browser = await launchChromium({ [hostileName]: '127.0.0.1' });
});
afterAll(() => browser.close());

const openPage = async (
  url: string,
  bases: readonly string[],
  attempts: readonly Attempt[],
): Promise<readonly Outcome[]> => {
  const page = await browser.newPage();
  await page.goto(url);
  const outcomes = await page.evaluate<readonly Outcome[]>(attemptsAt(bases, attempts));
  await page.close();
  return outcomes;
};

/** Returns the outcomes of all attempts at these addresses by a page of another origin. */
const readAcross = (bases: readonly string[], attempts: readonly Attempt[]) =>
  serveWhile(
    (_, response) => html(response, ''),
    (port) => openPage(`http://127.0.0.1:${port}/`, bases, attempts),
  );

/**
 * Returns what a page can read after its name was rebound to this port, without the replies that
 * refuse it.
 */
const readRebound = async (target: number): Promise<readonly string[]> => {
  const outcomes = await serveWhile(
    (request, response) =>
      request.url === '/page'
        ? html(response, '')
        : hand(request, response, { host: '127.0.0.1', port: target }),
    (port) => openPage(`http://${hostileName}:${port}/page`, [''], attemptsOf('guessed')),
  );
  return outcomes.flatMap(({ name, read }) =>
    read !== null && read.status < 400 ? [`${name} ${read.text}`] : [],
  );
};

/**
 * Returns the ports that a process and its descendants listen on, at any address of this machine.
 */
const portsOf = (pid = 0): number[] => listeningOf(familyOf(pid)).map(({ port }) => port);
const localUrlOf = (port: number): string => `http://127.0.0.1:${port}`;

describe('a page of another origin', () => {
  it('can read from a server that allows it, which proves that the browser makes the attempts', async () => {
    const requests: string[] = [];
    const attempts = attemptsOf('token');
    const outcomes = await serveWhile(
      (request, response) => {
        requests.push(`${request.method} ${request.headers['x-amz-target'] ?? request.url}`);
        response.writeHead(200, {
          'Access-Control-Allow-Origin': '*',
          'Access-Control-Allow-Methods': '*',
          'Access-Control-Allow-Headers': 'authorization,content-type,x-amz-date,x-amz-target',
        });
        response.end('allowed');
      },
      (port) => readAcross([localUrlOf(port)], attempts),
    );
    const silent = attempts.filter(({ mode, socket }) => mode === 'no-cors' || socket);
    const read = outcomes.filter((one) => one.read?.text === 'allowed');
    expect(read).toHaveLength(attempts.length - silent.length);
    expect(requests).toEqual(
      expect.arrayContaining([
        'GET /',
        'POST DynamoDB_20120810.PutItem',
        'POST TrentService.DisableKey',
        'POST /member',
      ]),
    );
  });
});

describe('npm start', () => {
  const vault = useVault();
  const ports = () => portsOf(vault.process()?.child.pid);
  const items = async (): Promise<unknown> => {
    const table = openSqliteStore(join(vault.dataDir, storeFile), 'read');
    const { value } = await table.pages().next();
    await table.close();
    return value;
  };
  beforeAll(() => vault.create('v', 'KEPT'));

  it('lets a page of another origin read and change nothing, even with a valid token', async () => {
    const before = await items();
    expect(before).toHaveLength(1);
    const attempts = attemptsOf(vault.token());
    const outcomes = await readAcross(ports().map(localUrlOf), attempts);
    // The program listens on one port only, that of the API, so there is one outcome per attempt.
    expect(outcomes).toHaveLength(attempts.length);
    expect(outcomes.filter(({ read }) => read !== null)).toEqual([]);
    expect(await items()).toEqual(before);
  });

  it('lets a page that rebinds its DNS name to the vault learn only that the vault runs', async () => {
    const before = await items();
    const readings = await Promise.all(ports().map(readRebound));
    expect(readings.flat()).toEqual(['GET /health {"status":"ok"}']);
    expect(await items()).toEqual(before);
  });
});

describe('three nodes', () => {
  const { cluster, vaultOf } = useCluster();
  const nodes = [1, 2, 3];
  /**
   * The number of ports. Each of the three nodes has four: HTTP, etcd's peer port, node-to-node and
   * relay.
   */
  const portCount = 3 * 4;
  const ports = () => portsOf(cluster().process.child.pid);

  /**
   * Returns the data of all nodes, read when each has the latest revision and its hash. Fails
   * unless they are equal.
   */
  const content = async () => {
    const { nodes: all } = await untilSeen(
      cluster().status,
      (status) =>
        status.equal && status.nodes.every(({ lag, digest }) => lag === 0 && digest !== null),
    );
    const names = await Promise.all(nodes.map((node) => cluster().ask(node, 'GET', '/v1/secrets')));
    const values = await Promise.all(
      nodes.map((node) => cluster().ask(node, 'GET', '/v1/secrets/KEPT')),
    );
    return [
      all.map(({ node, state, appliedRevision, digest }) => ({
        node,
        state,
        appliedRevision,
        digest,
      })),
      [names, values].map((replies) => replies.map(({ body }) => [body['names'], body['value']])),
    ];
  };
  beforeAll(async () => {
    await cluster().ask(1, 'POST', '/v1/secrets', { body: { name: 'KEPT', value: 'v' } });
  });

  it('let a page of another origin read and change nothing, even with a valid token', async () => {
    const before = await content();
    expect(before[1]).toEqual([
      nodes.map(() => [['KEPT'], undefined]),
      nodes.map(() => [undefined, 'v']),
    ]);
    const attempts = attemptsOf(vaultOf(1).token());
    const urls = ports().map(localUrlOf);
    expect(urls).toHaveLength(portCount);
    const outcomes = await readAcross(
      urls.flatMap((url) => [url, url.replace('http', 'https')]),
      attempts,
    );
    expect(outcomes).toHaveLength(2 * portCount * attempts.length);
    expect(outcomes.filter(({ read }) => read !== null)).toEqual([]);
    expect(await content()).toEqual(before);
  });

  it('let a page that rebinds its DNS name to their ports learn only that the nodes run', async () => {
    const before = await content();
    const readings = await Promise.all(ports().map(readRebound));
    expect(readings.flat()).toEqual(nodes.map(() => 'GET /health {"status":"ok"}'));
    expect(await content()).toEqual(before);
  });
});
