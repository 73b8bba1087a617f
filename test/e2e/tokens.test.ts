/** A caller needs one bearer token from the configured issuer, with the scope of the route. */
import { beforeAll, describe, expect, it } from '@jest/globals';
import { ed25519, type Key, macToken, publicJwk, signToken } from '../support/issuer.ts';
import { operations } from '../support/openapi.ts';
import { freshName, useVault } from '../support/running-vault.ts';
import { type Claims, claimsOf, issuerOf } from '../support/tokens.ts';
import { untilSeen } from '../support/until.ts';

const vault = useVault();
let issuer: Key & { readonly kid: string };
beforeAll(() => {
  issuer = issuerOf(vault.dataDir);
});

const nowS = (): number => Math.floor(Date.now() / 1_000);
const signed = (claims: Claims, header = {}, key = issuer) =>
  signToken({ alg: 'EdDSA', kid: issuer.kid, ...header }, claimsOf(claims), key);
const list = (token: string) => vault.call('GET', '/v1/secrets', { token });
const stranger = { ...ed25519(), kid: 'stranger' };
const encoded = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url');

describe('a token', () => {
  const accepted: Readonly<Record<string, () => string>> = {
    'as the issuer makes it': () => signed({}),
    'without an id of its key': () => signed({}, { kid: undefined }),
    'that ended less than five seconds ago': () => signed({ exp: nowS() - 2 }),
    'with another key in its header, which the vault ignores': () =>
      signed({}, { jwk: publicJwk(stranger), jku: 'https://127.0.0.1:9/keys' }),
  };
  it.each(Object.keys(accepted))('%s is accepted', async (what) => {
    // On a slow machine a token may end too long ago while it is on its way.
    const { status } = await untilSeen(
      () => list(accepted[what]?.() ?? ''),
      ({ json }) => json.detail !== 'the token has expired',
    );
    expect(status).toBe(200);
  });

  // The faults of a token and of the header, one of a kind. The unit tests have all spellings.
  const refused: Readonly<Record<string, () => string>> = {
    'that is no token': () => 'c4n4ry',
    'without its signature': () => `${signed({}).split('.').slice(0, 2).join('.')}.`,
    'with other claims under the signature': () =>
      signed({}).replace(/\.[^.]+\./, `.${encoded(claimsOf({ tenant: 'globex' }))}.`),
    'with alg none': () => `${encoded({ alg: 'none' })}.${encoded(claimsOf())}.`,
    'with a MAC under the public key': () =>
      macToken(
        { alg: 'HS256', kid: issuer.kid },
        claimsOf(),
        issuer.publicKey.export({ type: 'spki', format: 'pem' }),
      ),
    'of another key that brings itself along': () =>
      signed({}, { jwk: publicJwk(stranger), kid: undefined }, stranger),
    'that ended ten seconds ago': () => signed({ exp: nowS() - 10 }),
    'that never ends': () => signed({ exp: undefined }),
    'that begins in a minute': () => signed({ nbf: nowS() + 60 }),
    'of another issuer': () => signed({ iss: 'urn:vault:other' }),
    'for another audience': () => signed({ aud: 'other' }),
    'with a tenant that reaches into keys': () => signed({ tenant: 'acme#SECRET' }),
    'with a sub with a line end': () => signed({ sub: 'alice\nbob' }),
    'with a pattern that is an expression': () => signed({ names: ['.+'] }),
    'of more than 8 KiB': () => signed({ padding: 'x'.repeat(8_192) }),
  };
  it.each(Object.keys(refused))(
    '%s is refused with 401 without a reason, unless it expired',
    async (what) => {
      const token = refused[what]?.() ?? '';
      const reply = await vault.call('GET', '/v1/secrets', { token });
      const hasExpired = what === 'that ended ten seconds ago';
      const detail = hasExpired ? 'the token has expired' : 'a valid bearer token is needed';
      expect(reply).toMatchObject({
        status: 401,
        json: { code: 'unauthenticated', retryable: false, detail },
      });
      expect(reply.headers.get('www-authenticate')).toBe(
        `Bearer error="invalid_token", error_description="${detail}"`,
      );
      expect(reply.text).not.toContain('c4n4ry');
    },
  );
});

describe('the Authorization header', () => {
  it.each([
    ['as another scheme', (token: string) => `Basic ${token}`, false],
    ['without token', () => 'Bearer ', true],
    ['once good and once bad', (token: string) => [`Bearer ${token}`, 'Bearer x'], true],
    ['with two tokens', (token: string) => `Bearer ${token}, Bearer ${token}`, true],
  ])('%s answers 401', async (_, header, isRefusal) => {
    const headers = { Authorization: header(vault.token()) };
    const reply = await vault.call('GET', '/v1/secrets', { headers });
    expect(reply).toMatchObject({ status: 401, json: { code: 'unauthenticated' } });
    const challenge = reply.headers.get('www-authenticate');
    if (isRefusal) expect(challenge).toContain(' error="invalid_token"');
    else expect(challenge).toBe('Bearer');
  });
});

describe('a route', () => {
  const needs: Readonly<Record<string, readonly string[]>> = {
    'create-secret': ['secrets:write'],
    'update-secret': ['secrets:write'],
    'delete-secret': ['secrets:delete'],
    'get-secret': ['secrets:read'],
    'list-versions': ['secrets:read'],
    'destroy-version': ['secrets:destroy'],
    'list-secrets': ['secrets:read'],
    'submit-env': ['secrets:read', 'secrets:write'],
    'encrypt-env': ['secrets:write'],
    'expand-env': ['secrets:read'],
    'explain-secret': ['secrets:explain'],
    whoami: [],
    'get-status': [],
  };
  const all = [...new Set(Object.values(needs).flat()), 'vault:status'];
  const guarded = operations.filter(({ operationId }) => operationId !== 'get-health');
  // The name, the body and the query are invalid too, but only a caller with a token may learn that.
  const ask = (method: string, path: string, call: object) =>
    vault.call(method, `${path.replace(/\{\w+\}/g, '1%20')}?unknown=1`, { raw: '{', ...call });

  it.each(guarded)(
    'answers 401 without a token, whatever else is wrong: $operationId',
    async (operation) => {
      const reply = await ask(operation.method, operation.path, {});
      expect(reply).toMatchObject({ status: 401, json: { code: 'unauthenticated' } });
      expect(reply.headers.get('www-authenticate')).toBe('Bearer');
    },
  );

  it.each(guarded)(
    'answers 403 without each scope it needs, whatever else is wrong: $operationId',
    async (operation) => {
      const needed = needs[operation.operationId];
      expect(needed).toBeDefined();
      for (const scope of needed ?? []) {
        const others = all.filter((word) => word !== scope).join(' ');
        const reply = await ask(operation.method, operation.path, {
          token: vault.token({ scope: others }),
        });
        expect(reply).toMatchObject({ status: 403, json: { code: 'forbidden', scope } });
        const challenge = `Bearer error="insufficient_scope", scope="${scope}"`;
        expect(reply.headers.get('www-authenticate')).toBe(challenge);
      }
      const enough = vault.token({ scope: needed?.join(' ') });
      const refusedLater = await ask(operation.method, operation.path, { token: enough });
      expect([400, 415]).toContain(refusedLater.status);
    },
  );
});

describe('a scope', () => {
  it.each(['', undefined, 'secrets:reads', 'xsecrets:read', 'SECRETS:READ'])(
    'grants nothing if it is only similar: %j',
    async (scope) => {
      expect((await list(vault.token({ scope }))).status).toBe(403);
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
