/** Web pages in a real browser against `npm start`. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { familyOf, listeningOf } from '../../support/listening.ts';
import { serveWhile } from '../../support/page-server.ts';
import { type RunningVault, startVault } from '../../support/running-vault.ts';
import { attemptsOf } from './attempts.ts';
import { openPages, readable } from './pages.ts';

let vault: RunningVault;
let token: string;

/** The actual ports on which the vault and its parts listen. */
const ports = (): number[] =>
  listeningOf(familyOf(vault.process()?.child.pid ?? 0)).map(({ port }) => port);
const storeEndpoint = (): string =>
  JSON.parse(readFileSync(join(vault.dataDir, 'running.json'), 'utf8')).dynamodbEndpoint;
const items = async (): Promise<unknown> => {
  const client = new DynamoDBClient({
    endpoint: storeEndpoint(),
    region: 'us-east-1',
    credentials: { accessKeyId: 'any', secretAccessKey: 'any' },
  });
  const { Items } = await client.send(new ScanCommand({ TableName: 'vault' }));
  client.destroy();
  return Items;
};
const localUrlOf = (port: number): string => `http://127.0.0.1:${port}`;

beforeAll(async () => {
  vault = await startVault();
  token = vault.token();
  const body = { name: 'KEPT', value: 'v' };
  expect((await vault.call('POST', '/v1/secrets', { token, body })).status).toBe(201);
});
afterAll(() => vault.stop());

describe('a page of another origin', () => {
  it('reads nothing from any port of 127.0.0.1, and changes nothing, even with a valid token', async () => {
    const before = await items();
    expect(before).toHaveLength(1);
    const bases = ports().map(localUrlOf);
    expect(bases).toHaveLength(2);
    const [outcomes = []] = await openPages([{ bases }], attemptsOf(token));
    expect(outcomes).toHaveLength(2 * attemptsOf(token).length);
    expect(outcomes.filter(({ read }) => read !== null)).toEqual([]);
    expect(await items()).toEqual(before);
  });

  it('reads from a server that allows it, so the browser does make every attempt', async () => {
    const requests: string[] = [];
    const attempts = attemptsOf(token);
    const [outcomes = []] = await serveWhile(
      (request, response) => {
        requests.push(`${request.method} ${request.headers['x-amz-target'] ?? request.url}`);
        response.writeHead(200, {
          'Access-Control-Allow-Origin': '*',
          'Access-Control-Allow-Methods': '*',
          'Access-Control-Allow-Headers': 'authorization,content-type,x-amz-date,x-amz-target',
        });
        response.end('allowed');
      },
      (port) => openPages([{ bases: [localUrlOf(port)] }], attempts),
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

  it('can read the store if it knows the address, so the address must be random', async () => {
    const scan = attemptsOf(token).filter(({ name }) => name === 'Scan');
    const [outcomes] = await openPages([{ bases: [storeEndpoint()] }], scan);
    expect(outcomes).toMatchObject([{ read: { status: 200 } }]);
  });
});

describe('a page that rebinds its own name to 127.0.0.1', () => {
  it('reads only that the vault runs, and changes nothing', async () => {
    const before = await items();
    const pages = ports().map((port) => ({ rebound: { host: '127.0.0.1', port } }));
    const outcomes = await openPages(pages, attemptsOf('guessed'));
    expect(outcomes.flatMap(readable)).toEqual(['GET /health {"status":"ok"}']);
    expect(await items()).toEqual(before);
  });
});
