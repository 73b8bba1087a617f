import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { problem } from '../../../functions/http/responses.ts';
import { type ErrorCode, VaultError } from '../../../functions/model/errors.ts';
import { closeConnections } from '../../support/raw-http.ts';
import { sendUntilFinal } from '../../support/repeated-requests.ts';

// Each test loads the client again, and waits between attempts like a client, perhaps on a busy machine.
jest.setTimeout(60_000);

const requestId = randomUUID();

type Answer = {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string;
};
type RequestRecord = {
  readonly method: string;
  readonly key: string | undefined;
  readonly body: string;
};

/** The answer of API Gateway and LocalStack if a function gives no answer in time. */
const gateways = (status: number): Answer => ({
  status,
  headers: { 'content-type': 'application/json' },
  body: '{"message": "Internal server error"}',
});
const refusal = (code: ErrorCode, retryable?: boolean): Answer => {
  const error = new VaultError(code, 'x', retryable === undefined ? {} : { retryable });
  const { statusCode, headers, body } = problem(error, requestId);
  return { status: statusCode, headers: headers as Record<string, string>, body };
};
const answer = (status: number, json: object, headers = {}): Answer => {
  const common = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' };
  const type = { 'content-type': 'application/json; charset=utf-8', 'x-request-id': requestId };
  return { status, headers: { ...type, ...common, ...headers }, body: JSON.stringify(json) };
};
const version = { name: 'DB', version: 1, validFrom: '2026-11-24T14:30:48.123Z' };
const created = answer(201, version, { location: 'secrets/DB', etag: '"1"' });
const value = answer(
  200,
  { ...version, value: 'v', encoding: 'utf8', validTo: null },
  { etag: '"1"' },
);

const servers: Server[] = [];
const kept = { ...process.env };
afterEach(() => {
  process.env = kept;
  closeConnections();
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

/** A vault behind another gateway, which gives these answers in order and then repeats the last one. */
const behindGateway = async (...answers: readonly Answer[]) => {
  const asked: RequestRecord[] = [];
  const server = createServer(async (request, response) => {
    const key = request.headers['idempotency-key'];
    const next = answers[Math.min(asked.length, answers.length - 1)] ?? created;
    asked.push({ method: request.method ?? '', key: key?.toString(), body: await text(request) });
    response.writeHead(next.status, next.headers).end(next.body);
  }).listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  process.env['BASE_URL'] = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  jest.resetModules();
  const { startVault } = jest.requireActual<typeof import('../../support/running-vault.ts')>(
    '../../support/running-vault.ts',
  );
  const vault = await startVault();
  const create = (headers = {}) =>
    vault.call('POST', '/v1/secrets', { body: { name: 'DB', value: 'v' }, headers });
  const createWithKey = () => create({ 'Idempotency-Key': randomUUID() });
  return { vault, asked, create, createWithKey, get: () => vault.call('GET', '/v1/secrets/DB') };
};

describe('the test client behind another gateway than the vault’s own', () => {
  it.each([
    ['504 of the gateway', gateways(504)],
    ['503 outcome_unknown', refusal('outcome_unknown')],
    ['503 master_key_unavailable, if it may be repeated', refusal('master_key_unavailable', true)],
    ['429 throttled', refusal('throttled')],
  ])('sends a request again with the same key after %s', async (_, failed) => {
    const { createWithKey, asked } = await behindGateway(failed, failed, created);
    expect(await createWithKey()).toMatchObject({ status: 201, json: version, tries: 3 });
    expect(asked).toHaveLength(3);
    expect(new Set(asked.map((each) => JSON.stringify(each))).size).toBe(1);
    expect(asked[0]?.key).toMatch(/./);
  });

  it.each([
    ['502 of the gateway', gateways(502)],
    ['503 store_unavailable', refusal('store_unavailable')],
  ])('sends a read again without a key after %s', async (_, failed) => {
    const { get } = await behindGateway(failed, value);
    expect(await get()).toMatchObject({ status: 200, json: { value: 'v' }, tries: 2 });
  });

  it('sends a write without a key only once if it may have been stored', async () => {
    const unclear = await behindGateway(refusal('outcome_unknown'), created);
    expect(await unclear.create()).toMatchObject({ status: 503, tries: 1 });
    const silent = await behindGateway(gateways(502), created);
    await expect(silent.create()).rejects.toThrow('not as docs/openapi.yaml says');
    expect([unclear.asked.length, silent.asked.length]).toEqual([1, 1]);
  });

  it('sends a write without a key again if nothing was stored', async () => {
    const { create } = await behindGateway(refusal('throttled'), created);
    expect(await create()).toMatchObject({ status: 201, tries: 2 });
  });

  it.each([
    ['409', refusal('secret_exists')],
    ['500 of the vault', refusal('internal')],
    ['503 that cannot be repeated', refusal('master_key_unavailable', false)],
  ])('accepts %s as the final answer', async (_, failed) => {
    const { createWithKey } = await behindGateway(failed, created);
    expect(await createWithKey()).toMatchObject({ status: failed.status, tries: 1 });
  });

  it.each([
    ['500 of the gateway', gateways(500)],
    ['200 where 201 is right', answer(200, version)],
    ['503 in the gateway’s own words', gateways(503)],
    ['429 that is no problem document', { ...refusal('throttled'), body: '{"retryable":true}' }],
  ])('fails at once with %s', async (_, wrong) => {
    const { createWithKey, asked } = await behindGateway(wrong, created);
    await expect(createWithKey()).rejects.toThrow('not as docs/openapi.yaml says');
    expect(asked).toHaveLength(1);
  });

  it('stops after the allowed number of attempts, and waits as the answer asks', async () => {
    const { status, body: text } = refusal('throttled');
    const problem = { 'content-type': 'application/problem+json', 'retry-after': '3' };
    const headers = new Map(Object.entries(problem));
    const send = jest.fn(async () => ({ status, headers, text }));
    const [check, wait] = [jest.fn(), jest.fn(async (_ms: number) => undefined)];
    const answered = await sendUntilFinal(send, { triesMax: 50, isSafe: true, check, wait });
    expect(answered).toMatchObject({ status: 429, tries: 50 });
    expect([send, check].map(({ mock }) => mock.calls.length)).toEqual([50, 50]);
    expect(wait.mock.calls).toEqual(Array(49).fill([3_000]));
  });
});
