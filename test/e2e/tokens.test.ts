/** A caller needs one bearer token from the configured issuer, with the scope of the route. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ed25519, type Key, macToken, p256, publicJwk, signToken } from '../support/issuer.ts';
import { operations } from '../support/openapi.ts';
import { freshName, type RunningVault, startVault } from '../support/running-vault.ts';
import { type Claims, claimsOf, issuerOf } from '../support/tokens.ts';

let vault: RunningVault;
let issuer: Key & { readonly kid: string };
beforeAll(async () => {
  vault = await startVault();
  issuer = issuerOf(vault.dataDir);
});
afterAll(() => vault.stop());

const nowS = (): number => Math.floor(Date.now() / 1_000);
const signed = (claims: Claims, header = {}, key = issuer) =>
  signToken({ alg: 'EdDSA', kid: issuer.kid, ...header }, claimsOf(claims), key);
const status = async (token: string) => (await vault.call('GET', '/v1/secrets', { token })).status;
const stranger = { ...ed25519(), kid: 'stranger' };
const endless = () => JSON.stringify(claimsOf({ exp: 0 })).replace('"exp":0', '"exp":1e400');
/** The same token, but with an unused bit of its last character set. */
const respelled = (token: string): string => {
  const next = String.fromCharCode(token.charCodeAt(token.length - 1) + 1);
  const other = token.slice(0, -1) + next;
  const signatureOf = (text: string) => Buffer.from(text.replace(/.*\./, ''), 'base64url');
  if (!signatureOf(other).equals(signatureOf(token))) throw new Error('another signature');
  return other;
};
const encoded = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url');

describe('a token', () => {
  const accepted: Readonly<Record<string, () => string>> = {
    'as the issuer makes it': () => signed({}),
    'without an id of its key': () => signed({}, { kid: undefined }),
    'for several audiences': () => signed({ aud: ['other', 'vault'] }),
    'that ended less than five seconds ago': () => signed({ exp: nowS() - 2 }),
    'with fifty patterns': () => signed({ names: Array.from({ length: 50 }, (_, i) => `N${i}*`) }),
    'with a subject of 256 bytes': () => signed({ sub: 'é'.repeat(128) }),
    'with claims that are not known': () => signed({ admin: true, tenant_id: 'globex' }),
    'with a key of its own in the header, which is ignored': () =>
      signed(
        {},
        { jwk: publicJwk(stranger), jku: 'https://127.0.0.1:9/keys', x5u: 'https://127.0.0.1:9/x' },
      ),
  };
  it.each(Object.keys(accepted))('%s is accepted', async (what) => {
    expect(await status(accepted[what]?.() ?? '')).toBe(200);
  });

  const refused: Readonly<Record<string, () => string>> = {
    'that is no token': () => 'c4n4ry',
    'of two parts': () => signed({}).split('.').slice(0, 2).join('.'),
    'without its signature': () => `${signed({}).split('.').slice(0, 2).join('.')}.`,
    'with another signature': () => `${signed({}).slice(0, -4)}AAAA`,
    'with other claims under the signature': () =>
      signed({}).replace(/\.[^.]+\./, `.${encoded(claimsOf({ tenant: 'globex' }))}.`),
    'with alg none': () => `${encoded({ alg: 'none' })}.${encoded(claimsOf())}.`,
    'with alg None': () => `${encoded({ alg: 'None', kid: issuer.kid })}.${encoded(claimsOf())}.`,
    'with a MAC under the public key as PEM': () =>
      macToken(
        { alg: 'HS256', kid: issuer.kid },
        claimsOf(),
        issuer.publicKey.export({ type: 'spki', format: 'pem' }),
      ),
    'with a MAC under the public key as bytes': () =>
      macToken(
        { alg: 'HS256', kid: issuer.kid },
        claimsOf(),
        Buffer.from(String(publicJwk(issuer)['x']), 'base64url'),
      ),
    'with a MAC under nothing': () => macToken({ alg: 'HS256' }, claimsOf(), ''),
    'of another key': () => signed({}, {}, stranger),
    'of another key that brings itself along': () =>
      signed({}, { jwk: publicJwk(stranger), kid: undefined }, stranger),
    'of another key under an address': () =>
      signed({}, { jku: 'https://127.0.0.1:9/keys', kid: 'stranger' }, stranger),
    'of another kind of key': () =>
      signToken({ alg: 'ES256', kid: issuer.kid }, claimsOf(), p256()),
    'of an unknown key id': () => signed({}, { kid: 'unknown' }),
    'with crit': () => signed({}, { crit: ['exp'] }),
    'with crit for b64': () => signed({}, { crit: ['b64'], b64: true }),
    'that ended ten seconds ago': () => signed({ exp: nowS() - 10 }),
    'that never ends': () => signed({ exp: undefined }),
    'whose end is text': () => signed({ exp: String(nowS() + 60) }),
    'whose end is in milliseconds': () => signed({ exp: Date.now() + 60_000 }),
    'whose end is infinite': () => signToken({ alg: 'EdDSA', kid: issuer.kid }, endless(), issuer),
    'with another spelling of its signature': () => respelled(signed({})),
    'that begins in a minute': () => signed({ nbf: nowS() + 60 }),
    'of another issuer': () => signed({ iss: 'urn:vault:other' }),
    'of no issuer': () => signed({ iss: undefined }),
    'for another audience': () => signed({ aud: 'other' }),
    'for no audience': () => signed({ aud: undefined }),
    'without tenant': () => signed({ tenant: undefined }),
    'with an empty tenant': () => signed({ tenant: '' }),
    'with a tenant that is a number': () => signed({ tenant: 1 }),
    'with a tenant of 65 characters': () => signed({ tenant: 'a'.repeat(65) }),
    'with a tenant that reaches into keys': () => signed({ tenant: 'acme#SECRET' }),
    'with a tenant that ends in a line end': () => signed({ tenant: 'acme\n' }),
    'without sub': () => signed({ sub: undefined }),
    'with an empty sub': () => signed({ sub: '' }),
    'with a sub of 257 bytes': () => signed({ sub: 'a'.repeat(257) }),
    'with a sub with a line end': () => signed({ sub: 'alice\nbob' }),
    'with a sub that is a list': () => signed({ sub: ['alice'] }),
    'with a scope that is a list': () => signed({ scope: ['secrets:read'] }),
    'with names that are text': () => signed({ names: '*' }),
    'with names that are null': () => signed({ names: null }),
    'with names of numbers': () => signed({ names: [1] }),
    'with 51 patterns': () => signed({ names: Array.from({ length: 51 }, (_, i) => `N${i}`) }),
    'with a star inside a pattern': () => signed({ names: ['A*B'] }),
    'with two stars': () => signed({ names: ['**'] }),
    'with an empty pattern': () => signed({ names: [''] }),
    'with a pattern that is an expression': () => signed({ names: ['.+'] }),
    'of more than 8 KiB': () => signed({ padding: 'x'.repeat(8_192) }),
  };
  it.each(Object.keys(refused))('%s gets 401', async (what) => {
    const token = refused[what]?.() ?? '';
    const reply = await vault.call('GET', '/v1/secrets', { token });
    expect(reply).toMatchObject({
      status: 401,
      json: { code: 'unauthenticated', retryable: false },
    });
    expect(reply.text).not.toContain('c4n4ry');
  });

  it('gets the same words for every fault, except when it has expired', async () => {
    for (const [what, make] of Object.entries(refused)) {
      const { json } = await vault.call('GET', '/v1/secrets', { token: make() });
      const hasExpired = what === 'that ended ten seconds ago';
      const detail = hasExpired ? 'the token has expired' : 'a valid bearer token is needed';
      expect([what, json.detail]).toEqual([what, detail]);
    }
  });
});

describe('the Authorization header', () => {
  it.each([
    ['left out', (_: string) => []],
    ['as another scheme', (token: string) => `Basic ${token}`],
    ['without scheme', (token: string) => token],
    ['without token', () => 'Bearer '],
    ['twice the same', (token: string) => [`Bearer ${token}`, `Bearer ${token}`]],
    ['once good and once bad', (token: string) => [`Bearer ${token}`, 'Bearer x']],
    ['with a comma', (token: string) => `Bearer ${token}, Bearer ${token}`],
    ['with a comma behind', (token: string) => `Bearer ${token},`],
    ['with two tokens', (token: string) => `Bearer ${token} ${token}`],
  ])('%s gets 401', async (_, header) => {
    const headers = { Authorization: header(vault.token()) };
    expect(await vault.call('GET', '/v1/secrets', { headers })).toMatchObject({
      status: 401,
      json: { code: 'unauthenticated' },
    });
  });
});

describe('a route', () => {
  const needs: Readonly<Record<string, readonly string[]>> = {
    'create-secret': ['secrets:write'],
    'update-secret': ['secrets:write'],
    'get-secret': ['secrets:read'],
    'list-versions': ['secrets:read'],
    'list-secrets': ['secrets:read'],
    'submit-env': ['secrets:read', 'secrets:write'],
    'encrypt-env': ['secrets:write'],
    'expand-env': ['secrets:read'],
    'get-status': [],
  };
  const all = ['secrets:read', 'secrets:write', 'vault:status'];
  const guarded = operations.filter(({ operationId }) => operationId !== 'get-health');
  // The name, the body and the query are invalid too, but only a caller with a token may learn that.
  const ask = (method: string, path: string, call: object) =>
    vault.call(method, `${path.replace('{name}', '1%20')}?unknown=1`, { raw: '{', ...call });

  it.each(guarded)(
    'answers 401 without a token, whatever else is wrong: $operationId',
    async (operation) => {
      const reply = await ask(operation.method, operation.path, {});
      expect(reply).toMatchObject({ status: 401, json: { code: 'unauthenticated' } });
    },
  );

  it.each(guarded)(
    'answers 403 without each scope it needs, whatever else is wrong: $operationId',
    async (operation) => {
      const needed = needs[operation.operationId];
      expect(needed).toBeDefined();
      for (const scope of needed ?? []) {
        const others = all.filter((word) => word !== scope);
        for (const given of [
          others.join(' '),
          '',
          undefined,
          `${scope}s`,
          `x${scope}`,
          scope.toUpperCase(),
        ]) {
          const token = vault.token({ scope: given });
          const reply = await ask(operation.method, operation.path, { token });
          expect(reply).toMatchObject({ status: 403, json: { code: 'forbidden' } });
          if (given === others.join(' ')) expect(reply.json).toMatchObject({ scope });
        }
      }
      const enough = vault.token({ scope: needed?.join(' ') });
      const refusedLater = await ask(operation.method, operation.path, { token: enough });
      expect([400, 415]).toContain(refusedLater.status);
    },
  );
});

describe('a version', () => {
  it('records the subject of the token that wrote it', async () => {
    const name = freshName();
    const token = vault.token({ sub: 'Zoë 🔑 <zoe@example.org>' });
    await vault.call('POST', '/v1/secrets', { token, body: { name, value: 'v' } });
    const { json } = await vault.call('GET', `/v1/secrets/${name}/versions`, { token });
    expect(json.versions?.[0]).toMatchObject({ createdBy: 'Zoë 🔑 <zoe@example.org>' });
  });
});
