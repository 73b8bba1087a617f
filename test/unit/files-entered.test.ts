/** A reader of one request opens few files. The requests run before they are measured, over services in memory. */
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { Context } from 'aws-lambda';
import type { Event } from '../../functions/http/requests.ts';
import { useTransport } from '../../functions/runtime/clients.ts';
import { createTransport } from '../../local/host/in-process.ts';
import type { Exchange, Json } from '../support/adversary/wire.ts';
import { eventWith } from '../support/events.ts';
import { filesEntered } from '../support/files-entered.ts';
import { ed25519, keySet, publicJwk, signToken } from '../support/issuer.ts';
import { createMemoryStore } from '../support/memory-dynamodb.ts';
import { createMemoryKms } from '../support/memory-kms.ts';
import { claimsOf } from '../support/tokens.ts';

const key = ed25519();
const authorization = `Bearer ${signToken({ alg: 'EdDSA' }, claimsOf(), key)}`;
const kept = { ...process.env };

const transportTo = (exchange: Exchange) =>
  createTransport(async (operation, input) => {
    const call = { operation, input: input as Json, path: '/', headers: {}, body: '' };
    const { status, body } = await exchange({ service: 'store', ...call });
    return { status, body: JSON.parse(body) };
  });

beforeAll(() => {
  const kms = createMemoryKms();
  useTransport('DynamoDB', transportTo(createMemoryStore().exchange));
  useTransport('KMS', transportTo(kms.exchange));
  process.env['VAULT_ID'] = 'v';
  process.env['TABLE_NAME'] = 'vault';
  process.env['MASTER_KEY_ID'] = kms.keyArn;
  process.env['AWS_REGION'] = 'us-east-1';
  process.env['AUTH_ISSUER'] = 'urn:vault:local';
  process.env['AUTH_AUDIENCE'] = 'vault';
  process.env['AUTH_JWKS'] = keySet(publicJwk(key));
  for (const stream of [process.stdout, process.stderr]) {
    jest.spyOn(stream, 'write').mockImplementation(() => true);
  }
});
afterAll(() => {
  process.env = { ...kept };
  jest.restoreAllMocks();
});

/** Sends a request to the function of an operation. Throws unless the reply has the status. */
const send = async (operation: string, status: number, body: unknown): Promise<void> => {
  const { handler } = jest.requireActual<typeof import('../../functions/update-secret.ts')>(
    `../../functions/${operation}.ts`,
  );
  const parts: Partial<Event> = {
    body: JSON.stringify(body),
    pathParameters: operation === 'update-secret' ? { name: 'API_KEY' } : null,
  };
  const event = eventWith({ authorization, 'content-type': 'application/json' }, parts);
  const reply = await handler(event, { awsRequestId: 'r-1' } as Context);
  if (reply.statusCode !== status) throw new Error(reply.body);
};

const expectAtMost = (most: number, files: readonly string[]): void => {
  const isOver = files.length > most;
  expect(isOver ? `${files.length} files:\n${files.join('\n')}` : 'few enough').toBe('few enough');
};

describe('the path of a request', () => {
  beforeAll(() => send('create-secret', 201, { name: 'API_KEY', value: 'first' }));

  it('enters at most 21 files of functions/ for PUT /v1/secrets/{name}', async () => {
    const put = () => send('update-secret', 200, { value: 'next' });
    await put();
    expectAtMost(21, await filesEntered(put));
  });

  it('enters at most 35 files of functions/ for POST /v1/env', async () => {
    const submit = (name: string) =>
      send('submit-env', 200, {
        content: `${name}=a value\nNEW=enc(${name})\nOLD=secret(API_KEY)\n`,
      });
    await submit('ONE');
    expectAtMost(35, await filesEntered(() => submit('TWO')));
  });
});
