import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { openBaoAt, type Store } from '../../../bench/stores.ts';

let status = 200;
const asked: { url: string | undefined; token: unknown; body: string }[] = [];
const server = createServer(async (request, response) => {
  const { url, headers } = request;
  asked.push({ url, token: headers['x-vault-token'], body: await text(request) });
  response.writeHead(status).end('{"errors":[]}');
});
let openbao: Store;
beforeAll(async () => {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  openbao = openBaoAt([`http://127.0.0.1:${port}`], 'root');
});
afterAll(() => {
  server.close();
  server.closeAllConnections();
});

it('the bench updates a secret of OpenBao only at the version of its previous write', async () => {
  const update = await openbao.prepare('update');
  for (const client of [3, 3, 5]) await update(client);
  const updates = asked.slice(-3);
  expect(updates.map(({ body }) => JSON.parse(body).options.cas)).toEqual([1, 2, 1]);
  expect(updates[0]?.url).toBe(updates[1]?.url);
  expect(updates[0]?.url).not.toBe(updates[2]?.url);
  expect(asked.every(({ token }) => token === 'root')).toBe(true);
  const created = asked.find(({ url }) => url === updates[0]?.url);
  expect(JSON.parse(created?.body ?? '').options.cas).toBe(0);
});

it('the bench ends with the answer of a store that refuses a request', async () => {
  const get = await openbao.prepare('get');
  status = 403;
  await expect(get(0)).rejects.toThrow(
    /^OpenBao answered GET \/v1\/secret\/data\/\w+ with 403: \{"errors":\[\]\}$/,
  );
});
