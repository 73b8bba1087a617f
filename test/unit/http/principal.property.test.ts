import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { localKeys } from '../../../functions/http/key-sets.ts';
import { createAuthenticate } from '../../../functions/http/principal.ts';
import { isNamePattern, isTenant } from '../../../functions/model/types.ts';
import { requestWith } from '../../support/events.ts';
import { ed25519, keySet, p256, publicJwk, rsa, signToken } from '../../support/issuer.ts';
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
const exp = Math.floor(startOfTime / 1000) + 60;
const claims = { iss: 'i', aud: 'a', exp, tenant: 't', sub: 's' };

describe('an arbitrary token', () => {
  // Shows G7.
  it('fails with 401 unless the issuer signed it', async () => {
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
      fc.string({ unit: 'binary' }),
    );
    await fc.assert(
      fc.asyncProperty(token, async (sent) => {
        expect(await codeOf(`Bearer ${sent}`)).toBe('unauthenticated');
      }),
      { numRuns: 500 },
    );
    // On a busy machine the first of them take seconds to draw.
  }, 60_000);

  it('becomes a principal only with well-formed claims, and fails with 401 otherwise', async () => {
    const claim = fc.constantFrom('tenant', 'sub', 'scope', 'names', 'exp', 'nbf', 'iss', 'aud');
    const content = fc.oneof(
      fc.jsonValue({ maxDepth: 1 }),
      fc.string({ unit: 'binary', maxLength: 5 }),
      fc.array(fc.constantFrom('A', 'A*', '*', '.*', '')),
    );
    await fc.assert(
      fc.asyncProperty(claim, content, async (name, changed) => {
        const token = signToken({ alg: 'EdDSA', kid: 'k' }, { ...claims, [name]: changed }, key);
        const sent = requestWith({ authorization: `Bearer ${token}` });
        const principal = await authenticate(sent, startOfTime).catch((error) => {
          expect(error.code).toBe('unauthenticated');
          return undefined;
        });
        if (principal === undefined) return;
        expect(isTenant(principal.tenant)).toBe(true);
        expect(principal.subject).not.toMatch(/^$|\p{Cc}/u);
        expect(principal.subject.isWellFormed()).toBe(true);
        expect((principal.names ?? []).every(isNamePattern)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});
