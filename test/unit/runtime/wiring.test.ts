import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { createEndpoint } from '../../../functions/http/endpoint.ts';
import { limits } from '../../../functions/model/limits.ts';
import { machineClock } from '../../../functions/runtime/clock.ts';
import { startDeafServer } from '../../support/deaf-server.ts';
import { requestWith } from '../../support/events.ts';
import { ed25519, keySet, publicJwk, signToken } from '../../support/issuer.ts';
import { requestContext, someone } from '../../support/requests.ts';

/** Loads a module of `functions/` again with the current environment, as at a cold start. */
const fresh = <Module>(path: string) => jest.requireActual<Module>(`../../../functions/${path}`);
const freshEndpoint = () =>
  fresh<typeof import('../../../functions/runtime/endpoint.ts')>('runtime/endpoint.ts');
const freshPorts = () =>
  fresh<typeof import('../../../functions/runtime/vault.ts')>('runtime/vault.ts').ports;
const freshHome = () =>
  fresh<typeof import('../../../functions/runtime/home.ts')>('runtime/home.ts');

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

const silenceLog = () => {
  for (const stream of [process.stdout, process.stderr]) {
    jest.spyOn(stream, 'write').mockReturnValue(true);
  }
};

/** Expects a read of a secret to fail because the store is unavailable. */
const expectReadFails = async (context = requestContext()) => {
  const read = freshPorts().store.for(context, someone()).findHead('A');
  await expect(read).rejects.toMatchObject({ code: 'store_unavailable' });
};

describe('the endpoint of a function', () => {
  const call = async (authorization: string) => {
    const { endpointParts } = freshEndpoint();
    const handle = createEndpoint(endpointParts, {
      operation: 'get-secret',
      scopes: [],
      parse: ({ principal }) => principal.tenant,
      run: async ({ writeId }, _principal, tenant) => ({ tenant, writeId }),
      reply: (body) => ({ status: 200, body }),
    });
    silenceLog();
    const { status, body } = await handle(requestWith({ Authorization: authorization }), {});
    return { status, body: JSON.parse(body) };
  };
  const token = tokenWith(claims);

  it('accepts only tokens of the configured issuer, and draws a write id for each request', async () => {
    const first = await call(`Bearer ${token}`);
    expect(first).toMatchObject({ status: 200, body: { tenant: 'acme' } });
    expect(first.body.writeId).toMatch(/^[A-Za-z0-9_-]{22}$/);
    expect((await call(`Bearer ${token}`)).body.writeId).not.toBe(first.body.writeId);
    const foreign = tokenWith({ ...claims, iss: 'urn:other' });
    expect((await call(`Bearer ${foreign}`)).status).toBe(401);
  });

  it('fails to start if a variable such as AUTH_AUDIENCE is empty', async () => {
    process.env['AUTH_AUDIENCE'] = '';
    await expect(call('')).rejects.toThrow('missing environment variables: AUTH_AUDIENCE');
  });

  it('fails to start if its key set contains a private key', () => {
    process.env['AUTH_JWKS'] = keySet(key.privateKey.export({ format: 'jwk' }));
    expect(freshEndpoint).toThrow('the key set may contain only public keys');
  });
});

describe('the AWS clients of a function', () => {
  it('cannot be created without the id of the vault', () => {
    delete process.env['VAULT_ID'];
    expect(freshPorts).toThrow('missing environment variables: VAULT_ID');
  });

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

/** A store and a master key that answer only probes, and a list of these calls. */
const homeOf = () => {
  const asked: string[] = [];
  const unused = async () => {
    throw new Error('only the probe is called');
  };
  const itemsOf = () => ({
    ...{ get: unused, range: unused, names: unused, write: unused },
    probe: async () => {
      asked.push('store');
      return { replicated: false };
    },
  });
  const masterKey = {
    ...{ generate: unused, unwrap: unused },
    describe: async () => {
      asked.push('key');
      return { masterKeyId: '1234abcd', isEnabled: true };
    },
  };
  return { asked, home: { itemsOf, masterKey } };
};

describe('a host that provides its own store and master key', () => {
  it('needs no AWS credentials and calls no AWS endpoint', async () => {
    delete process.env['AWS_ACCESS_KEY_ID'];
    delete process.env['AWS_SECRET_ACCESS_KEY'];
    process.env['AWS_ENDPOINT_URL_DYNAMODB'] = 'http://127.0.0.1:1';
    process.env['AWS_ENDPOINT_URL_KMS'] = 'http://127.0.0.1:1';
    const { asked, home } = homeOf();
    // The host may provide its store later than its key.
    freshHome().useHome({ masterKey: home.masterKey });
    freshHome().useHome({ itemsOf: home.itemsOf });
    const ports = freshPorts();
    await ports.store.for(requestContext(), someone()).probe();
    expect(await ports.dataKeys.for(requestContext()).probe()).toEqual({ masterKeyId: '1234abcd' });
    expect(asked).toEqual(['store', 'key']);
  });
});
