/**
 * A caller needs exactly one bearer token from the configured issuer, with the scopes of the route.
 */
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { OperationId } from '../../client/types.ts';
import { withIncluded } from '../../functions/model/types.ts';
import { ed25519, type Key, publicJwk, signToken } from '../support/issuer.ts';
import { guarded } from '../support/openapi.ts';
import { perRoute } from '../support/routes.ts';
import { useVault } from '../support/running-vault.ts';
import { type Claims, claimsOf, issuerOf } from '../support/tokens.ts';

const vault = useVault();
let issuer: Key & { readonly kid: string };
beforeAll(() => {
  issuer = issuerOf(vault.dataDir);
});

const nowS = (): number => Math.floor(Date.now() / 1_000);
const signed = (claims: Claims, header = {}, key = issuer) =>
  signToken({ alg: 'EdDSA', kid: issuer.kid, ...header }, claimsOf(claims), key);
const stranger = { ...ed25519(), kid: 'stranger' };

describe('a token', () => {
  // One example of each kind of refused token, to show that the vault knows its issuer. The unit
  // tests of the principal have the rest.
  const refused: Readonly<Record<string, () => string>> = {
    'that is arbitrary text': () => 'c4n4ry',
    'signed by an unknown key that it contains': () =>
      signed({}, { jwk: publicJwk(stranger), kid: undefined }, stranger),
    'that expired ten seconds ago': () => signed({ exp: nowS() - 10 }),
    'of another issuer': () => signed({ iss: 'urn:vault:other' }),
    'for another audience': () => signed({ aud: 'other' }),
  };
  it.each(Object.keys(refused))(
    '%s is refused with 401 without a reason, unless it expired',
    async (what) => {
      const token = refused[what]?.() ?? '';
      const reply = await vault.call('GET', '/v1/secrets', { token });
      const hasExpired = what === 'that expired ten seconds ago';
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

describe('a route', () => {
  const scopesOf = (operation: string) => perRoute[operation as OperationId].scopes ?? [];
  const all = [
    ...new Set(guarded.flatMap(({ operationId }) => scopesOf(operationId))),
    'vault:status',
  ];
  // The name, the body and the query are also invalid, but only a caller with a token may learn
  // that.
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
    'answers 403 if any one of the scopes that it needs is missing, whatever else is wrong: $operationId',
    async (operation) => {
      const needed = scopesOf(operation.operationId);
      for (const scope of needed) {
        const others = all.filter((word) => !withIncluded([word]).includes(scope)).join(' ');
        const reply = await ask(operation.method, operation.path, {
          token: vault.token({ scope: others }),
        });
        expect(reply).toMatchObject({ status: 403, json: { code: 'forbidden', scope } });
        const challenge = `Bearer error="insufficient_scope", scope="${scope}"`;
        expect(reply.headers.get('www-authenticate')).toBe(challenge);
      }
      const enough = vault.token({ scope: needed.join(' ') });
      const refusedLater = await ask(operation.method, operation.path, { token: enough });
      expect([400, 415]).toContain(refusedLater.status);
    },
  );
});
