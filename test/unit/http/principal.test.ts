import { sign } from 'node:crypto';
import { describe, expect, it, jest } from '@jest/globals';
import { SignJWT } from 'jose';
import { localKeys } from '../../../functions/http/key-sets.ts';
import { requestOf, requestWith } from '../../support/events.ts';
import {
  createAuthenticate,
  ed25519,
  keySet,
  macToken,
  p256,
  publicJwk,
  rsa,
  signToken,
} from '../../support/issuer.ts';
import { codeOf, refusalOf } from '../../support/refusals.ts';
import { startOfTime } from '../../support/virtual-clock.ts';

const nowS = Math.floor(startOfTime / 1000);
const issuer = 'https://issuer.test/';
const audience = 'vault';
const claims = {
  iss: issuer,
  aud: audience,
  exp: nowS + 60,
  tenant: 'acme',
  sub: 'alice',
  scope: 'secrets:read secrets:write',
  names: ['billing.*', 'DB_HOST'],
};
const key = ed25519();
const jwks = keySet(publicJwk(key, { kid: 'k1' }));

const authenticateToken = (token: string, keys = jwks) =>
  createAuthenticate({ issuer, audience, keys: localKeys(keys) })(
    requestWith({ Authorization: `Bearer ${token}` }),
    startOfTime,
  );
const withClaims = (changed: object) =>
  authenticateToken(signToken({ alg: 'EdDSA', kid: 'k1' }, { ...claims, ...changed }, key));
/** A token whose payload has `properties`, exactly as they are written, in place of `exp`. */
const withTimes = (properties: string): string => {
  const { exp, ...others } = claims;
  const payload = JSON.stringify(others).replace('{', `{${properties},`);
  return signToken({ alg: 'EdDSA', kid: 'k1' }, payload, key);
};
const withHeader = (header: { alg: string } & Record<string, unknown>, keys = jwks) =>
  authenticateToken(signToken(header, claims, key), keys);

describe('a valid token', () => {
  it.each([
    ['EdDSA', ed25519()],
    ['ES256', p256()],
    ['RS256', rsa()],
  ])('is accepted if jose signed it with %s', async (alg, pair) => {
    const token = await new SignJWT(claims).setProtectedHeader({ alg }).sign(pair.privateKey);
    expect(await authenticateToken(token, keySet(publicJwk(pair)))).toEqual({
      tenant: 'acme',
      subject: 'alice',
      scopes: ['secrets:read', 'secrets:list', 'secrets:write'],
      names: ['billing.*', 'DB_HOST'],
      issuer: 'default',
      rule: undefined,
      expires: 1_000 * claims.exp,
    });
  });

  it.each([
    // Clocks may differ by 5 s, and times may have fractions.
    ...[{ exp: nowS - 4 }, { nbf: nowS + 5 }, { nbf: 0 }, { exp: 253_402_300_799 }],
    { exp: nowS + 0.5, nbf: nowS - 0.5, iat: nowS - 0.5 },
    { aud: ['other', audience] },
    ...[{ tenant: 'x'.repeat(64) }, { sub: 'é'.repeat(128) }, { names: Array(50).fill('A*') }],
  ])('is accepted with the claims %j', async (changed: object) => {
    await expect(withClaims(changed)).resolves.toBeDefined();
  });

  it('allows all names without a names claim, and no name with an empty list', async () => {
    expect((await withClaims({ names: undefined })).names).toBeUndefined();
    expect((await withClaims({ names: [] })).names).toEqual([]);
  });

  it('has the scopes that its scope claim lists, separated by spaces, and none without that claim', async () => {
    expect((await withClaims({ scope: undefined })).scopes).toEqual([]);
    expect((await withClaims({ scope: '' })).scopes).toEqual([]);
    expect((await withClaims({ scope: '  a  b ' })).scopes).toEqual(['a', 'b']);
    expect((await withClaims({ scope: 'secrets:readx' })).scopes).toEqual(['secrets:readx']);
  });

  it('is accepted with 8 KiB and rejected with one byte more', async () => {
    const ofLength = (length: number): string => {
      for (let padding = 5_000; padding < 8_000; padding++) {
        for (const typ of ['', 'J', 'JW', 'JWT']) {
          const payload = { ...claims, padding: 'x'.repeat(padding) };
          const token = signToken({ alg: 'EdDSA', typ, kid: 'k1' }, payload, key);
          if (token.length === length) return token;
          if (token.length > length + 4) throw new Error('no such length');
        }
      }
      throw new Error('no such length');
    };
    await expect(authenticateToken(ofLength(8_192))).resolves.toBeDefined();
    expect(await codeOf(() => authenticateToken(ofLength(8_193)))).toBe('unauthenticated');
  });
});

describe('an invalid token', () => {
  const hmac = (secret: string | Buffer) => macToken({ alg: 'HS256' }, claims, secret);

  it.each([
    // Times that are past, not reached yet, absurd, or not a number.
    ...[{ exp: nowS - 5 }, { exp: String(nowS + 60) }, { nbf: nowS + 6 }],
    ...[{ exp: 253_402_300_800 }, { exp: startOfTime + 60_000 }, { nbf: -1 }, { nbf: 'now' }],
    ...[{ iat: 253_402_300_800 }, { iat: -1 }, { iat: 'now' }],
    ...[{ iss: 'https://issuer.test' }, { iss: [issuer] }],
    ...[{ aud: 'vaults' }, { aud: ['other'] }, { aud: [] }],
    ...[{ tenant: '' }, { tenant: 'x'.repeat(65) }, { tenant: 1 }],
    ...[{ tenant: 'acme#SECRET#A' }, { tenant: ['acme'] }],
    ...[{ sub: '' }, { sub: 7 }, { sub: `${'é'.repeat(128)}x` }],
    // Line feed, NUL, DEL, a Latin-1 control character, and half of a surrogate pair.
    ...['al\nice', 'al\u0000ice', 'alice\u007f', 'al\u0085ice', 'al\ud83dice'].map((sub) => ({
      sub,
    })),
    // Format characters, which hide text or change its direction.
    ...['al\u200bice', 'al\u202eice', '\ufeffalice', 'al\u00adice'].map((sub) => ({ sub })),
    ...[{ scope: ['secrets:read'] }, { scope: null }],
    ...[{ names: null }, { names: '*' }, { names: { 0: '*', length: 1 } }, { names: [''] }],
    ...[{ names: Array(51).fill('A') }, { names: ['A', '.*'] }, { names: [1] }, { names: [['*']] }],
  ])('is rejected with 401 if its claims have %j', async (changed: object) => {
    expect(await codeOf(() => withClaims(changed))).toBe('unauthenticated');
  });

  it.each(['exp', 'iss', 'aud', 'tenant', 'sub'])(
    'is rejected with 401 if it lacks the claim %s',
    async (claim) => {
      expect(await codeOf(() => withClaims({ [claim]: undefined }))).toBe('unauthenticated');
    },
  );

  it.each<[string, () => string]>([
    ['with a payload that is not an object', () => signToken({ alg: 'EdDSA' }, [claims], key)],
    ['with a payload that is not JSON', () => signToken({ alg: 'EdDSA' }, 'claims', key)],
    ['signed by another key', () => signToken({ alg: 'EdDSA', kid: 'k1' }, claims, ed25519())],
    ['with an unknown key id', () => signToken({ alg: 'EdDSA', kid: 'k2' }, claims, key)],
    ['with a key id that is not a string', () => signToken({ alg: 'EdDSA', kid: 1 }, claims, key)],
    ['with alg none', () => signToken({ alg: 'none', kid: 'k1' }, claims, key)],
    ['with alg None', () => signToken({ alg: 'None' }, claims, key)],
    ['without alg', () => macToken({ kid: 'k1' }, claims, 'x')],
    ['with an alg that does not fit the key', () => signToken({ alg: 'ES256' }, claims, p256())],
    ['with crit', () => signToken({ alg: 'EdDSA', crit: ['exp'], exp: 1 }, claims, key)],
    ['with crit b64', () => signToken({ alg: 'EdDSA', crit: ['b64'], b64: true }, claims, key)],
    ['with an empty crit', () => signToken({ alg: 'EdDSA', crit: [] }, claims, key)],
    ['with null for crit', () => signToken({ alg: 'EdDSA', crit: null }, claims, key)],
    ['of two parts', () => signToken({ alg: 'EdDSA' }, claims, key).replace(/\.[^.]*$/, '')],
    ['of five parts', () => `${signToken({ alg: 'EdDSA' }, claims, key)}.a.b`],
    ['without a signature', () => signToken({ alg: 'EdDSA' }, claims, key).replace(/[^.]*$/, '')],
    ['of dots only', () => '..'],
    ['that is a plain word', () => 'hunter2'],
    ['with an infinite exp', () => withTimes('"exp":1e400')],
    ['with an infinitely early nbf', () => withTimes('"exp":2000000000,"nbf":-1e400')],
    ['with an infinite iat', () => withTimes('"exp":2000000000,"iat":1e400')],
  ])('%s is rejected with 401', async (_, token) => {
    expect(await codeOf(() => authenticateToken(token()))).toBe('unauthenticated');
  });

  it('is rejected with 401 if its payload was replaced after it was signed', async () => {
    const [header, , signature] = signToken({ alg: 'EdDSA', kid: 'k1' }, claims, key).split('.');
    const payload = Buffer.from(JSON.stringify({ ...claims, tenant: 'other' }));
    const forged = [header, payload.toString('base64url'), signature].join('.');
    expect(await codeOf(() => authenticateToken(forged))).toBe('unauthenticated');
  });

  const rsaKey = rsa();
  const pem = rsaKey.publicKey.export({ type: 'spki', format: 'pem' });
  const der = rsaKey.publicKey.export({ type: 'spki', format: 'der' });
  it.each<[string, string]>([
    ['HS256 with the PEM of the public key as its secret', hmac(pem)],
    ['HS256 with the DER of the public key as its secret', hmac(der)],
    ['HS256 with the JWK of the public key as its secret', hmac(JSON.stringify(publicJwk(rsaKey)))],
    ['RS384', signToken({ alg: 'RS384' }, claims, rsaKey)],
    ['PS256', signToken({ alg: 'PS256' }, claims, rsaKey)],
  ])('is rejected with 401 if it uses %s', async (_, token) => {
    const keys = keySet(publicJwk(rsaKey));
    expect(await codeOf(() => authenticateToken(token, keys))).toBe('unauthenticated');
    const honest = signToken({ alg: 'RS256' }, claims, rsaKey);
    await expect(authenticateToken(honest, keys)).resolves.toBeDefined();
  });

  it('is rejected with a message that quotes nothing of it', async () => {
    const refused = await refusalOf(() => withClaims({ iss: 'c4n4ry', sub: 'c4n4ry' }));
    expect(JSON.stringify([refused.message, refused.properties])).not.toContain('c4n4ry');
  });
});

describe('the text of a token', () => {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

  it('allows no change: if any bit of it is changed, the token is rejected with 401', async () => {
    const token = signToken({ alg: 'EdDSA', kid: 'k1' }, claims, key);
    const authenticate = createAuthenticate({ issuer, audience, keys: localKeys(jwks) });
    const sent = (text: string) =>
      authenticate(requestWith({ Authorization: `Bearer ${text}` }), startOfTime);
    await expect(sent(token)).resolves.toBeDefined();
    for (let bit = 0; bit < 8 * token.length; bit += 1) {
      const bytes = Buffer.from(token, 'latin1');
      bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const code = await codeOf(() => sent(bytes.toString('latin1')));
      expect([bit, code]).toEqual([bit, 'unauthenticated']);
    }
  });

  it('must not use spare bits in its header, payload or signature, even under a valid signature', async () => {
    const spelled = (text: string) => Buffer.from(text).toString('base64url');
    const [header, longHeader] = [spelled('{"alg":"EdDSA"}'), spelled('{"alg":"EdDSA" }')];
    // Of claims with different lengths, take those whose last base64 character has unused bits.
    const tenants = ['a', 'aa', 'aaa'].map((tenant) => JSON.stringify({ ...claims, tenant }));
    const payload = spelled(tenants.find((text) => text.length % 3 === 1) ?? '');
    const sentWith = (head: string, claims: string, respell = (text: string) => text) => {
      const signed = `${head}.${claims}`;
      const signature = sign(null, Buffer.from(signed), key.privateKey).toString('base64url');
      return authenticateToken(`${signed}.${respell(signature)}`);
    };
    await expect(sentWith(longHeader, payload)).resolves.toBeDefined();
    const unused = (text: string) => {
      const sameBytes = (other: string) =>
        Buffer.from(other, 'base64url').equals(Buffer.from(text, 'base64url'));
      const others = [...alphabet].map((last) => text.slice(0, -1) + last);
      return others.find((other) => other !== text && sameBytes(other)) ?? '';
    };
    for (const respelled of [
      () => sentWith(unused(longHeader), payload),
      () => sentWith(header, unused(payload)),
      () => sentWith(header, payload, unused),
    ]) {
      expect(await codeOf(respelled)).toBe('unauthenticated');
    }
  });
});

describe('an expired token', () => {
  const expired = { exp: nowS - 5 };
  const sentenceOf = async (call: () => unknown) => (await refusalOf(call)).message;

  it('is rejected with "the token has expired"', async () => {
    expect(await sentenceOf(() => withClaims(expired))).toBe('the token has expired');
  });

  const expiredFor = (changed: object, pair = key) =>
    signToken({ alg: 'EdDSA' }, { ...claims, ...expired, ...changed }, pair);
  it.each([
    ['signed by another key', expiredFor({}, ed25519())],
    ['for another audience', expiredFor({ aud: 'other' })],
    ['of another issuer', expiredFor({ iss: 'https://other.test/' })],
  ])('is rejected with the same message as any bad token if it is %s', async (_, token) => {
    const plain = 'a valid bearer token is needed';
    expect(await sentenceOf(() => authenticateToken(token))).toBe(plain);
  });
});

describe('the Authorization header', () => {
  const token = signToken({ alg: 'EdDSA', kid: 'k1' }, claims, key);
  const authenticate = createAuthenticate({ issuer, audience, keys: localKeys(jwks) });
  const sent = (multiValueHeaders: Record<string, string[]>) =>
    authenticate(requestOf({ multiValueHeaders }), startOfTime);

  it.each(['Authorization', 'AUTHORIZATION'])('is accepted if it is spelled %s', async (name) => {
    await expect(sent({ [name]: [`bearer ${token}`] })).resolves.toBeDefined();
  });

  it.each([
    // No token, no scheme, or another scheme.
    ...[[[]], [['']], [['Bearer']], [['Bearer ']], [['TOKEN']], [['Basic TOKEN']]],
    // Spaces or other text around the token.
    ...[[['Bearer  TOKEN']], [['Bearer TOKEN ']], [['Bearer TOKEN,']], [[' Bearer TOKEN']]],
    // Two tokens or two headers.
    ...[[['Bearer TOKEN,Bearer TOKEN']], [['Bearer TOKEN', 'Bearer TOKEN']]],
  ])('leads to 401 if it is %j', async (values) => {
    const headers = { Authorization: values.map((value) => value.replaceAll('TOKEN', token)) };
    expect(await codeOf(() => sent(headers))).toBe('unauthenticated');
  });

  it('leads to 401 if it occurs twice, in upper and lower case', async () => {
    const headers = { Authorization: [`Bearer ${token}`], authorization: ['x'] };
    expect(await codeOf(() => sent(headers))).toBe('unauthenticated');
  });
});

describe('the key that verifies a token', () => {
  const other = ed25519();
  const both = keySet(publicJwk(key, { kid: 'k1' }), publicJwk(other, { kid: 'k2' }));

  it('is chosen by kid among several keys', async () => {
    await expect(withHeader({ alg: 'EdDSA', kid: 'k1' }, both)).resolves.toBeDefined();
    const wrong = () => withHeader({ alg: 'EdDSA', kid: 'k2' }, both);
    expect(await codeOf(wrong)).toBe('unauthenticated');
  });

  it('is found without a kid if one key fits, even next to keys of other kinds', async () => {
    const mixed = keySet(publicJwk(p256()), publicJwk(key), publicJwk(rsa()));
    await expect(withHeader({ alg: 'EdDSA' }, mixed)).resolves.toBeDefined();
  });

  it('is not found without a kid if several keys fit', async () => {
    expect(await codeOf(() => withHeader({ alg: 'EdDSA' }, both))).toBe('unauthenticated');
  });

  it('is never one that the token itself contains', async () => {
    const asked = jest.spyOn(globalThis, 'fetch').mockRejectedValue(new Error('not asked'));
    const urls = { jku: 'https://evil.test/jwks', x5u: 'https://evil.test/x5u' };
    const brought = { jwk: publicJwk(other), ...urls, x5c: ['MIIB'], x5t: 'x' };
    const forged = signToken({ alg: 'EdDSA', ...brought }, claims, other);
    expect(await codeOf(() => authenticateToken(forged))).toBe('unauthenticated');
    await expect(withHeader({ alg: 'EdDSA', ...brought })).resolves.toBeDefined();
    expect(asked).not.toHaveBeenCalled();
    asked.mockRestore();
  });
});
