import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { localKeys } from '../../../functions/http/key-sets.ts';
import { anyCharacter } from '../../support/characters.ts';
import { requestWith } from '../../support/events.ts';
import { createAuthenticate, ed25519, keySet, p256, publicJwk, rsa } from '../../support/issuer.ts';
import { startOfTime } from '../../support/virtual-clock.ts';

const key = ed25519();
const keys = localKeys(
  keySet(publicJwk(key, { kid: 'k' }), publicJwk(p256()), publicJwk(rsa(), { alg: 'RS256' })),
);
const authenticate = createAuthenticate({ issuer: 'i', audience: 'a', keys });
const codeOf = (authorization: string) =>
  authenticate(requestWith({ authorization }), startOfTime).then(
    () => 'authenticated',
    (error) => error.code ?? String(error),
  );

describe('an arbitrary token', () => {
  // Shows G7.
  it('is rejected with 401, because the issuer did not sign it', async () => {
    const header = fc.record(
      {
        alg: fc.constantFrom('EdDSA', 'ES256', 'RS256', 'none', 'HS256', 'RS384', '__proto__', ''),
        kid: fc.jsonValue(),
        typ: fc.jsonValue(),
        b64: fc.boolean(),
        jwk: fc.jsonValue(),
      },
      { requiredKeys: ['alg'] },
    );
    const part = fc.oneof(fc.string(), fc.base64String(), fc.constant(''));
    const strange = fc
      .tuple(header, fc.jsonValue())
      .map((parts) =>
        parts.map((one) => Buffer.from(JSON.stringify(one)).toString('base64url')).join('.'),
      );
    const token = fc.oneof(
      fc.tuple(strange, part).map((parts) => parts.join('.')),
      fc.array(part, { maxLength: 6 }).map((parts) => parts.join('.')),
      fc.string({ unit: anyCharacter }),
    );
    await fc.assert(
      fc.asyncProperty(token, async (sent) => {
        expect(await codeOf(`Bearer ${sent}`)).toBe('unauthenticated');
      }),
      { numRuns: 500 },
    );
  });
});
