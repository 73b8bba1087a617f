/** The functions on AWS as a cold start loads them: their configuration, their log and clients. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { rmSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Event, Handler } from '../../../functions/lambda/adapter.ts';
import { limits } from '../../../functions/model/limits.ts';
import { machineClock } from '../../../functions/runtime/clock.ts';
import { startProxy } from '../../support/adversary/proxy.ts';
import { startDeafServer } from '../../support/deaf-server.ts';
import { eventWith } from '../../support/events.ts';
import { ed25519, keySet, privateJwk, publicJwk, signToken } from '../../support/issuer.ts';
import { freshFolder } from '../../support/local-process.ts';
import type { Line } from '../../support/log-lines.ts';
import { createMemoryStore } from '../../support/memory-dynamodb.ts';
import { createMemoryKms } from '../../support/memory-kms.ts';
import { requestContext, someone } from '../../support/requests.ts';

/** Loads a module of `functions/lambda/` again with the current environment, as at a cold start. */
const fresh = <Module>(name: string) =>
  jest.requireActual<Module>(`../../../functions/lambda/${name}.ts`);
const freshHandler = (name: string) => fresh<{ readonly handler: Handler }>(name).handler;
const freshPorts = () =>
  fresh<typeof import('../../../functions/lambda/store-and-key.ts')>('store-and-key').storeAndKey;
const freshPolicyState = () =>
  fresh<typeof import('../../../functions/lambda/endpoint.ts')>('endpoint').policyState;

const key = ed25519();
const exp = Math.floor(Date.now() / 1000) + 600;
const claims = { iss: 'urn:test', aud: 'vault', exp, tenant: 'acme', sub: 'alice' };
const tokenWith = (some: object) => signToken({ alg: 'EdDSA' }, some, key);
const kept = { ...process.env };
const servers: Server[] = [];
const closers: (() => void)[] = [];

/** A service on loopback that counts its requests and its connections. */
const serve = async (listener: RequestListener) => {
  let [requests, connections] = [0, 0];
  const server = createServer((request, response) => {
    requests += 1;
    listener(request, response);
  }).listen(0, '127.0.0.1');
  servers.push(server);
  server.on('connection', () => {
    connections += 1;
  });
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url, requests: () => requests, connections: () => connections };
};

beforeEach(() => {
  jest.resetModules();
  process.env = {
    ...kept,
    AUTH_ISSUER: 'urn:test',
    AUTH_AUDIENCE: 'vault',
    AUTH_JWKS: keySet(publicJwk(key)),
    VAULT_ID: 'v',
    TABLE_NAME: 'vault',
    MASTER_KEY_ID: 'alias/vault',
    AWS_REGION: 'eu-central-1',
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
  };
});
afterEach(() => {
  jest.restoreAllMocks();
  process.env = kept;
  for (const close of closers.splice(0)) close();
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

/** Keeps the log lines that the function writes from now on. */
const keepLog = (): (() => readonly Line[]) => {
  const lines: Line[] = [];
  for (const stream of [process.stdout, process.stderr]) {
    jest.spyOn(stream, 'write').mockImplementation((text) => lines.push(JSON.parse(`${text}`)) > 0);
  }
  return () => lines;
};

/** Expects a read of a secret to fail because the store is unavailable. */
const expectReadFails = async (context = requestContext()) => {
  const read = freshPorts().store.for(context, someone()).findHead('A');
  await expect(read).rejects.toMatchObject({ code: 'store_unavailable' });
};

describe('the functions', () => {
  const call = async (name: string, authorization: string, parts: Partial<Event> = {}) => {
    const event = eventWith({ Authorization: authorization, ...json }, parts);
    const { statusCode, body } = await freshHandler(name)(event, { awsRequestId: 'r-1' });
    return { status: statusCode, body: JSON.parse(body) };
  };
  const json = { 'Content-Type': 'application/json' };
  const token = tokenWith(claims);

  it('accept only tokens of the configured issuer', async () => {
    keepLog();
    expect(await call('whoami', `Bearer ${token}`)).toMatchObject({
      ...{ status: 200, body: { tenant: 'acme', subject: 'alice', issuer: 'default' } },
    });
    const foreign = tokenWith({ ...claims, iss: 'urn:other' });
    expect((await call('whoami', `Bearer ${foreign}`)).status).toBe(401);
    expect(freshPolicyState()()).toMatchObject({ source: 'variables', digest: null });
  });

  it('accept tokens by the access policy that is deployed with them', async () => {
    keepLog();
    const folder = freshFolder();
    closers.push(() => rmSync(folder, { recursive: true }));
    const jwks = { keys: [publicJwk(key)] };
    const issuer = { id: 'ci', issuer: 'urn:test', audiences: ['vault'], algorithms: ['EdDSA'] };
    const policy = { issuers: [{ ...issuer, vaultClaims: true, jwks }] };
    writeFileSync(join(folder, 'access-policy.json'), JSON.stringify(policy));
    for (const name of ['AUTH_ISSUER', 'AUTH_AUDIENCE', 'AUTH_JWKS']) delete process.env[name];
    process.env['LAMBDA_TASK_ROOT'] = folder;
    const { body } = await call('whoami', `Bearer ${token}`);
    expect(body).toMatchObject({ subject: 'ci:alice', issuer: 'ci' });
    const digest = expect.stringMatching(/^[\w-]{43}$/);
    expect(freshPolicyState()()).toMatchObject({ source: 'bundle', digest, fault: null });
  });

  it('draw a write id for each request', async () => {
    keepLog();
    const [store, kms] = [createMemoryStore(), createMemoryKms()];
    const { endpoint, close } = await startProxy((sent, signal) =>
      (sent.service === 'kms' ? kms : store).exchange(sent, signal),
    );
    closers.push(() => void close());
    process.env['AWS_ENDPOINT_URL_DYNAMODB'] = endpoint;
    process.env['AWS_ENDPOINT_URL_KMS'] = endpoint;
    process.env['MASTER_KEY_ID'] = kms.keyArn;
    const writer = `Bearer ${tokenWith({ ...claims, scope: 'secrets:write' })}`;
    for (const name of ['A', 'B']) {
      const body = JSON.stringify({ name, value: 'secret' });
      expect((await call('create-secret', writer, { body })).status).toBe(201);
    }
    const ids = store.items().map(({ writeId }) => writeId?.S);
    expect(ids).toEqual(Array(2).fill(expect.stringMatching(/^[\w-]{22}$/)));
    expect(new Set(ids).size).toBe(2);
  });

  it.each(['get-health', 'whoami'])(
    'log both request ids, metrics and the name of the stack, as %s does',
    async (name) => {
      const lines = keepLog();
      process.env['SERVICE_NAME'] = 'stack-1';
      const requestContext = { requestId: 'g-1' } as Event['requestContext'];
      await call(name, `Bearer ${token}`, { requestContext });
      expect(lines()).toMatchObject([
        {
          ...{ message: 'request', requestId: 'r-1', gatewayRequestId: 'g-1', seq: 1 },
          ...{ service: 'stack-1', operation: name, status: 200 },
          ...{ Duration: expect.any(Number), _aws: { Timestamp: expect.any(Number) } },
        },
      ]);
    },
  );

  it.each([
    ['AUTH_AUDIENCE', 'whoami'],
    ['VAULT_ID', 'list-secrets'],
    ['TABLE_NAME', 'delete-secret'],
    ['MASTER_KEY_ID', 'get-secret'],
  ])('fail to start if %s is missing or empty, as %s does', (variable, name) => {
    for (const value of [undefined, '']) {
      jest.resetModules();
      process.env = { ...process.env, [variable]: value };
      expect(() => freshHandler(name)).toThrow(`missing environment variables: ${variable}`);
    }
  });

  it('fail to start if their key set contains a private key', () => {
    process.env['AUTH_JWKS'] = keySet(privateJwk(key));
    expect(() => freshHandler('whoami')).toThrow('the key set may contain only public keys');
  });

  it('start without the variables that they do not need', () => {
    for (const name of ['VAULT_ID', 'TABLE_NAME', 'MASTER_KEY_ID']) delete process.env[name];
    expect(() => freshHandler('whoami')).not.toThrow();
    delete process.env['AUTH_ISSUER'];
    expect(() => freshHandler('get-health')).not.toThrow();
  });
});

describe('the AWS clients of a function', () => {
  it('leave all retries to the vault: each call of an AWS client is one request', async () => {
    const failing = await serve((_request, response) => response.writeHead(500).end('{}'));
    process.env['AWS_ENDPOINT_URL_DYNAMODB'] = failing.url;
    process.env['AWS_ENDPOINT_URL_KMS'] = failing.url;
    const { store, dataKeys } = freshPorts();
    const context = requestContext();
    await expect(store.for(context, someone()).probe()).rejects.toThrow();
    expect(failing.requests()).toBe(1);
    await expect(dataKeys.for(context).probe()).rejects.toThrow();
    expect(failing.requests()).toBe(2);
    await expectReadFails();
    expect(failing.requests()).toBe(2 + 3);
  });

  it.each([
    [200, '{"Item":{"pk":{"S":'],
    [200, '<html>'],
    [400, '<html>'],
    [200, ''],
    [200, '{}'],
    [200, '{"status":"up"}'],
  ])('reject a foreign or incomplete reply: %i %s', async (status, text) => {
    const store = await serve((_request, response) => response.writeHead(status).end(text));
    process.env['AWS_ENDPOINT_URL_DYNAMODB'] = store.url;
    await expectReadFails();
    expect(store.requests()).toBe(3);
  });

  it('send the store no headers that describe the client or the trace of the function', async () => {
    const headers: string[] = [];
    const store = await serve((request, response) => {
      headers.push(...Object.keys(request.headers));
      response.end('{"Table":{}}');
    });
    process.env['AWS_ENDPOINT_URL_DYNAMODB'] = store.url;
    process.env['AWS_LAMBDA_FUNCTION_NAME'] = 'get-secret';
    process.env['_X_AMZN_TRACE_ID'] = 'Root=1-5759e988-bd862e3fe1be46a994272793';
    await freshPorts().store.for(requestContext(), someone()).probe();
    expect(headers).toContain('authorization');
    const telling = ['user-agent', 'x-amz-user-agent', 'x-amzn-trace-id'];
    expect(headers.filter((name) => telling.includes(name))).toEqual([]);
  });

  it('open a connection for each KMS call that may run at the same time', async () => {
    const answers: (() => void)[] = [];
    const [Plaintext, CiphertextBlob] = [32, 60].map((size) =>
      randomBytes(size).toString('base64'),
    );
    const body = JSON.stringify({ Plaintext, CiphertextBlob, KeyId: 'k' });
    // The service answers only once all requests have arrived, so each needs its own connection.
    const kms = await serve((_request, response) => {
      answers.push(() => response.end(body));
      if (answers.length === limits.kmsCallsAtOnceMax) for (const answer of answers) answer();
    });
    process.env['AWS_ENDPOINT_URL_KMS'] = kms.url;
    const { dataKeys } = freshPorts();
    const bound = { vault: 'v', tenant: 'acme', name: 'DB' };
    const calls = Array.from({ length: limits.kmsCallsAtOnceMax }, () =>
      dataKeys.for(requestContext()).generate(bound),
    );
    expect(await Promise.all(calls)).toHaveLength(limits.kmsCallsAtOnceMax);
    expect(kms.requests()).toBe(limits.kmsCallsAtOnceMax);
  });

  it('stop trying to connect after a while, even if nothing limits the time of the whole call', async () => {
    const deaf = await startDeafServer();
    // These connections fill the backlog of the deaf server, so it accepts no other.
    const taken = Array.from({ length: 4 }, () =>
      connect(deaf.port, '127.0.0.1').on('error', () => {}),
    );
    closers.push(deaf.close, ...taken.map((socket) => () => void socket.destroy()));
    process.env['AWS_ENDPOINT_URL_DYNAMODB'] = `http://127.0.0.1:${deaf.port}`;
    // Disables the time limit of the whole call, so only that of connecting is left.
    const after = () => () => undefined;
    const context = requestContext({ clock: { ...machineClock, after } });
    await expectReadFails(context);
    expect(context.journal.storeCalls).toHaveLength(3);
  });
});
