/**
 * Requests with several faults. Every route reports the first one in the order of G9. None of these
 * requests calls a service.
 */
import { describe, expect, it } from '@jest/globals';
import { createIdentity } from '../../../functions/http/identity.ts';
import { type ApiNeeds, routes } from '../../../functions/routes.ts';
import { machineClock, newWriteId } from '../../../functions/runtime/clock.ts';
import { createKeyedMutex } from '../../../functions/vault/keyed-mutex.ts';
import { requestWith } from '../../support/events.ts';
import { ed25519, keySet, publicJwk, signToken } from '../../support/issuer.ts';
import { createKeptLog } from '../../support/kept-log.ts';
import { guarded, type Operation } from '../../support/openapi.ts';

const key = ed25519();
const identity = createIdentity(machineClock);
const keys = { jwks: keySet(publicJwk(key)) };
identity.use({ issuer: 'urn:test', audience: 'vault', keySet: keys }, 'variables');

const called = (): never => {
  throw new Error('no service is called');
};
const needs: ApiNeeds = {
  ...{ vaultId: 'v', store: { for: called }, dataKeys: { for: called } },
  ...{ writers: createKeyedMutex(), isReady: async () => true, clock: machineClock },
  ...{ about: { version: '1.2.3', commit: null }, policy: identity.state },
};
const { authenticate } = identity;
const parts = { authenticate, clock: machineClock, newWriteId, ...createKeptLog() };
const handles = new Map(
  routes.map(({ operation, serve }) => [operation, serve(parts, needs)] as const),
);

const tokenWith = (scope: string, lifetimeS = 60, signer = key): string => {
  const exp = Math.floor(Date.now() / 1_000) + lifetimeS;
  const claims = { iss: 'urn:test', aud: 'vault', exp, tenant: 'acme', sub: 'alice', scope };
  return signToken({ alg: 'EdDSA' }, claims, signer);
};

type Sent = {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly name: string;
  readonly query: Readonly<Record<string, string>> | null;
};
type Fault = { readonly code: string; readonly spoil: (sent: Sent) => Sent };

const header =
  (name: string, value: string) =>
  (sent: Sent): Sent => ({ ...sent, headers: { ...sent.headers, [name]: value } });
const malformed = (spoil: Fault['spoil']): Fault => ({ code: 'invalid_request', spoil });

const token = (code: string, make: () => string): Fault => ({
  code,
  spoil: (sent) => header('Authorization', `Bearer ${make()}`)(sent),
});

/** The faults, in order of precedence. The expired and the forged token lack the scope, too. */
const unauthenticated: readonly Fault[] = [
  token('unauthenticated', () => 'x'),
  token('unauthenticated', () => tokenWith('none', -60)),
  token('unauthenticated', () => tokenWith('none', 60, ed25519())),
];
const forbidden = token('forbidden', () => tokenWith('none'));
const tooLarge: Fault = {
  code: 'too_large',
  spoil: (sent) => ({ ...sent, body: '"'.repeat(1_048_577) }),
};
/** A media type that is not accepted, and a compressed body. */
const unsupported: readonly Fault[] = [
  { code: 'unsupported_media_type', spoil: header('Content-Type', 'text/html') },
  { code: 'unsupported_media_type', spoil: header('Content-Encoding', 'gzip') },
];
/** An unknown parameter, an invalid name, and headers that are malformed or not allowed. */
const faultsOf = ({ operationId, path }: Operation): readonly Fault[] => [
  malformed((sent) => ({ ...sent, query: { x: '1' } })),
  ...(path.includes('{name}') ? [malformed((sent) => ({ ...sent, name: '1A' }))] : []),
  ...(operationId === 'destroy-version' || operationId === 'get-secret'
    ? [malformed(header('If-Match', '"1"'))]
    : []),
  ...(['update-secret', 'copy-secret', 'delete-secret'].includes(operationId)
    ? [malformed(header('If-Match', '"')), malformed(header('If-None-Match', '*'))]
    : []),
];

/** Valid bodies, so that nothing but the fault can cause a refusal. */
const file = JSON.stringify({ content: 'A=1' });
const bodies: Readonly<Record<string, string>> = {
  'create-secret': JSON.stringify({ name: 'DB_PASSWORD', value: 'hunter2' }),
  'update-secret': JSON.stringify({ value: 'hunter2' }),
  'copy-secret': JSON.stringify({ from: { version: 1 } }),
  'delete-secret': JSON.stringify({ note: 'moved' }),
  'submit-env': file,
  'encrypt-env': file,
  'expand-env': file,
};

const codeOf = async ({ operationId }: Operation, faults: readonly Fault[]): Promise<string> => {
  const good: Sent = {
    headers: {
      Authorization: `Bearer ${tokenWith('secrets:read secrets:write secrets:delete secrets:destroy secrets:explain')}`,
      'Content-Type': 'application/json',
    },
    body: bodies[operationId] ?? '',
    name: 'DB_PASSWORD',
    query: null,
  };
  const { headers, body, name, query } = faults.reduce((sent, { spoil }) => spoil(sent), good);
  const request = requestWith(headers, {
    path: '/v1/secrets',
    body,
    queryStringParameters: query,
  });
  const reply = await handles.get(operationId)?.(request, { name, version: '1' });
  return JSON.parse(reply?.body ?? '{}').code;
};

const taking = guarded.filter(({ node }) => node['requestBody'] !== undefined);

describe('a route that takes a body', () => {
  it.each(taking)(
    '$operationId answers several faults with 413 rather than 415 or 400, and with 415 rather than 400',
    async (operation) => {
      for (const media of unsupported) {
        for (const fault of faultsOf(operation)) {
          expect(await codeOf(operation, [tooLarge, media, fault])).toBe('too_large');
          expect(await codeOf(operation, [tooLarge, fault])).toBe('too_large');
          expect(await codeOf(operation, [media, fault])).toBe('unsupported_media_type');
          expect(await codeOf(operation, [fault])).toBe('invalid_request');
        }
      }
    },
  );

  it.each(taking)(
    '$operationId answers 401 or 403 before it looks at the body',
    async (operation) => {
      for (const fault of [tooLarge, ...unsupported]) {
        for (const refused of [forbidden, ...unauthenticated]) {
          expect(await codeOf(operation, [fault, refused])).toBe(refused.code);
        }
      }
    },
  );
});

describe('a route that needs a scope', () => {
  const scoped = guarded.filter(({ node }) => '403' in (node['responses'] as object));

  it.each(scoped)(
    '$operationId answers 401 rather than 403, and either rather than 400',
    async (operation) => {
      for (const refused of [forbidden, ...unauthenticated]) {
        expect(await codeOf(operation, [refused])).toBe(refused.code);
        for (const fault of faultsOf(operation)) {
          expect(await codeOf(operation, [fault, refused])).toBe(refused.code);
        }
      }
    },
  );
});

describe('a route that takes no body', () => {
  const others = guarded.filter((operation) => !taking.includes(operation));

  it.each(others)('$operationId ignores a body of any size and type', async (operation) => {
    for (const fault of faultsOf(operation)) {
      expect(await codeOf(operation, [tooLarge, ...unsupported, fault])).toBe('invalid_request');
    }
  });
});
