import { sign } from 'node:crypto';
import { describe, expect, it, jest } from '@jest/globals';
import { SignJWT } from 'jose';
import { localKeys } from '../../../functions/http/key-sets.ts';
import { createAuthenticate } from '../../../functions/http/principal.ts';
import { requestOf, requestWith } from '../../support/events.ts';
import {
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
/** A token whose times appear in its JSON exactly as they are given here. */
const withTimes = (members: string): string => {
  const { exp, ...others } = claims;
  const payload = JSON.stringify(others).replace('{', `{${members},`);
  return signToken({ alg: 'EdDSA', kid: 'k1' }, payload, key);
};
const withHeader = (header: { alg: string } & Record<string, unknown>, keys = jwks) =>
  authenticateToken(signToken(header, claims, key), keys);

describe('a valid token', () => {
  it.each([
    ['EdDSA', ed25519()],
    ['ES256', p256()],
    ['RS256', rsa()],
  ])('passes if jose signed it with %s', async (alg, pair) => {
    const token = await new SignJWT(claims).setProtectedHeader({ alg }).sign(pair.privateKey);
    expect(await authenticateToken(token, keySet(publicJwk(pair)))).toEqual({
      tenant: 'acme',
      subject: 'alice',
      scopes: ['secrets:read', 'secrets:write'],
      names: ['billing.*', 'DB_HOST'],
    });
  });

  it.each<[string, object]>([
    ['that expired 4 s ago', { exp: nowS - 4 }],
    ['that is valid from 5 s ahead', { nbf: nowS + 5 }],
    ['that is valid from the second 0', { nbf: 0 }],
    ['that expires in the year 9999', { exp: 253_402_300_799 }],
    ['whose times are fractions', { exp: nowS + 0.5, nbf: nowS - 0.5, iat: nowS - 0.5 }],
    ['for several audiences', { aud: ['other', audience] }],
    ['of a tenant of 64 characters', { tenant: 'x'.repeat(64) }],
    ['of a subject of 256 bytes', { sub: 'é'.repeat(128) }],
    ['of 50 patterns', { names: Array(50).fill('A*') }],
  ])('passes if it is one %s', async (_, changed) => {
    await expect(withClaims(changed)).resolves.toBeDefined();
  });

  it('sees all names without a names claim, and none with an empty list', async () => {
    expect((await withClaims({ names: undefined })).names).toBeUndefined();
    expect((await withClaims({ names: [] })).names).toEqual([]);
  });

  it('holds the scopes that blanks separate, or none', async () => {
    expect((await withClaims({ scope: undefined })).scopes).toEqual([]);
    expect((await withClaims({ scope: '' })).scopes).toEqual([]);
    expect((await withClaims({ scope: '  a  b ' })).scopes).toEqual(['a', 'b']);
    expect((await withClaims({ scope: 'secrets:readx' })).scopes).toEqual(['secrets:readx']);
  });

  it('passes with 8 KiB and fails with one byte more', async () => {
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
  it.each<[string, object]>([
    ['expired 5 s ago', { exp: nowS - 5 }],
    ['without expiry', { exp: undefined }],
    ['that expires in the year 10000', { exp: 253_402_300_800 }],
    ['with an expiry in milliseconds', { exp: startOfTime + 60_000 }],
    ['with a negative beginning', { nbf: -1 }],
    ['issued in the year 10000', { iat: 253_402_300_800 }],
    ['issued before 1970', { iat: -1 }],
    ['with a time of issue that is text', { iat: 'now' }],
    ['with an expiry that is text', { exp: String(nowS + 60) }],
    ['valid from 6 s ahead', { nbf: nowS + 6 }],
    ['with a beginning that is text', { nbf: 'now' }],
    ['of another issuer', { iss: 'https://issuer.test' }],
    ['without an issuer', { iss: undefined }],
    ['with a list of issuers', { iss: [issuer] }],
    ['for another audience', { aud: 'vaults' }],
    ['for other audiences', { aud: ['other'] }],
    ['for no audience', { aud: [] }],
    ['without an audience', { aud: undefined }],
    ['without a tenant', { tenant: undefined }],
    ['with an empty tenant', { tenant: '' }],
    ['with a tenant of 65 characters', { tenant: 'x'.repeat(65) }],
    ['with a tenant that would reach into keys', { tenant: 'acme#SECRET#A' }],
    ['with a tenant that is a number', { tenant: 1 }],
    ['with a list of tenants', { tenant: ['acme'] }],
    ['without a subject', { sub: undefined }],
    ['with an empty subject', { sub: '' }],
    ['with a subject that is a number', { sub: 7 }],
    ['with a subject of 257 bytes', { sub: `${'é'.repeat(128)}x` }],
    ['with a line break in the subject', { sub: 'al\nice' }],
    ['with a NUL in the subject', { sub: 'al\u0000ice' }],
    ['with a DEL in the subject', { sub: 'alice\u007f' }],
    ['with a control of Latin-1 in the subject', { sub: 'al\u0085ice' }],
    ['with half of a pair in the subject', { sub: 'al\ud83dice' }],
    ['with a list of scopes', { scope: ['secrets:read'] }],
    ['with null for scopes', { scope: null }],
    ['with null for names', { names: null }],
    ['with a text for names', { names: '*' }],
    ['with an object for names', { names: { 0: '*', length: 1 } }],
    ['with 51 patterns', { names: Array(51).fill('A') }],
    ['with an invalid pattern', { names: ['A', '.*'] }],
    ['with an empty pattern', { names: [''] }],
    ['with a pattern that is a number', { names: [1] }],
    ['with a list in the list of patterns', { names: [['*']] }],
  ])('fails with 401: %s', async (_, changed) => {
    expect(await codeOf(() => withClaims(changed))).toBe('unauthenticated');
  });

  it.each<[string, () => string]>([
    ['with a payload that is no object', () => signToken({ alg: 'EdDSA' }, [claims], key)],
    ['with a payload that is no JSON', () => signToken({ alg: 'EdDSA' }, 'claims', key)],
    ['signed by another key', () => signToken({ alg: 'EdDSA', kid: 'k1' }, claims, ed25519())],
    ['with a key id that is not known', () => signToken({ alg: 'EdDSA', kid: 'k2' }, claims, key)],
    ['with a key id that is no text', () => signToken({ alg: 'EdDSA', kid: 1 }, claims, key)],
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
    ['of points', () => '..'],
    ['of text', () => 'hunter2'],
    ['with an expiry that is infinite', () => withTimes('"exp":1e400')],
    ['with a beginning before all time', () => withTimes('"exp":2000000000,"nbf":-1e400')],
    ['with an infinite time of issue', () => withTimes('"exp":2000000000,"iat":1e400')],
  ])('fails with 401: %s', async (_, token) => {
    expect(await codeOf(() => authenticateToken(token()))).toBe('unauthenticated');
  });

  it('fails with 401 if its payload was exchanged', async () => {
    const [header, , signature] = signToken({ alg: 'EdDSA', kid: 'k1' }, claims, key).split('.');
    const payload = Buffer.from(JSON.stringify({ ...claims, tenant: 'other' }));
    const forged = [header, payload.toString('base64url'), signature].join('.');
    expect(await codeOf(() => authenticateToken(forged))).toBe('unauthenticated');
  });

  it.each([
    ['PEM', () => rsaKey.publicKey.export({ type: 'spki', format: 'pem' }).toString()],
    ['DER', () => Buffer.from(rsaKey.publicKey.export({ type: 'spki', format: 'der' }))],
    ['JWK', () => JSON.stringify(publicJwk(rsaKey))],
  ])(
    'fails with 401 if it uses HS256 with the public key as its secret, as %s',
    async (_, secret) => {
      const token = macToken({ alg: 'HS256' }, claims, secret());
      const keys = keySet(publicJwk(rsaKey));
      expect(await codeOf(() => authenticateToken(token, keys))).toBe('unauthenticated');
    },
  );
  const rsaKey = rsa();

  it.each(['RS384', 'PS256', 'HS256'])(
    'fails with 401 for an algorithm beyond the three: %s',
    async (alg) => {
      const token = signToken({ alg }, claims, rsaKey);
      const keys = keySet(publicJwk(rsaKey));
      expect(await codeOf(() => authenticateToken(token, keys))).toBe('unauthenticated');
      const honest = signToken({ alg: 'RS256' }, claims, rsaKey);
      await expect(authenticateToken(honest, keys)).resolves.toBeDefined();
    },
  );

  it('fails with a message that quotes nothing of the token', async () => {
    const refused = await refusalOf(() => withClaims({ iss: 'c4n4ry', sub: 'c4n4ry' }));
    expect(JSON.stringify([refused.message, refused.members])).not.toContain('c4n4ry');
  });
});

describe('the spelling of a token', () => {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

  it('allows no change: a token with any bit of its text changed fails with 401', async () => {
    const token = signToken({ alg: 'EdDSA', kid: 'k1' }, claims, key);
    const authenticate = createAuthenticate({ issuer, audience, keys: localKeys(jwks) });
    const sent = (text: string) =>
      authenticate(requestWith({ Authorization: `Bearer ${text}` }), startOfTime);
    await expect(sent(token)).resolves.toBeDefined();
    for (let bit = 0; bit < 8 * token.length; bit += 1) {
      const bytes = Buffer.from(token, 'latin1');
      bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect([bit, await codeOf(() => sent(bytes.toString('latin1')))]).toEqual([
        bit,
        'unauthenticated',
      ]);
    }
    // Some 2,500 tokens, perhaps on a busy machine.
  }, 60_000);

  it.each([
    ['EdDSA', ed25519()],
    ['ES256', p256()],
    ['RS256', rsa()],
  ])('excludes the 15 others that decode to the same %s signature', async (alg, pair) => {
    const keys = keySet(publicJwk(pair));
    const token = signToken({ alg }, claims, pair);
    await expect(authenticateToken(token, keys)).resolves.toBeDefined();
    const signature = token.replace(/.*\./, '');
    const others = [...alphabet]
      .map((last) => signature.slice(0, -1) + last)
      .filter((text) => text !== signature && decoded(text).equals(decoded(signature)));
    expect(others).toHaveLength(15);
    for (const other of others) {
      const respelled = token.replace(/[^.]*$/, other);
      expect(await codeOf(() => authenticateToken(respelled, keys))).toBe('unauthenticated');
    }
  });

  it.each(['header', 'payload'])('fails with 401 if its %s has unused bits', async (part) => {
    // Even a valid signature of the other spelling must not help.
    const unused = (text: string) => {
      const other = [...alphabet].find(
        (last) => text.at(-1) !== last && decoded(text.slice(0, -1) + last).equals(decoded(text)),
      );
      return text.slice(0, -1) + other;
    };
    const spelled = (text: string) => Buffer.from(text).toString('base64url');
    const header = spelled('{"alg":"EdDSA" }');
    const payload = spelled(JSON.stringify({ ...claims, tenant: padded }));
    const signed = (text: string) =>
      `${text}.${sign(null, Buffer.from(text), key.privateKey).toString('base64url')}`;
    await expect(authenticateToken(signed(`${header}.${payload}`))).resolves.toBeDefined();
    const respelled =
      part === 'header' ? `${unused(header)}.${payload}` : `${header}.${unused(payload)}`;
    expect(await codeOf(() => authenticateToken(signed(respelled)))).toBe('unauthenticated');
  });
  /** Claims whose length leaves unused bits in the payload's last character. */
  const padded = ['a', 'aa', 'aaa'].find(
    (tenant) => JSON.stringify({ ...claims, tenant }).length % 3 === 1,
  );
  const decoded = (text: string): Buffer => Buffer.from(text, 'base64url');
});

describe('an expired token', () => {
  const expired = { exp: nowS - 5 };
  const sentenceOf = async (call: () => unknown) => (await refusalOf(call)).message;
  const plain = 'a valid bearer token is needed';

  it('fails with a message that says so', async () => {
    expect(await sentenceOf(() => withClaims(expired))).toBe('the token has expired');
  });

  it.each<[string, () => string]>([
    [
      'signed by another key',
      () => signToken({ alg: 'EdDSA' }, { ...claims, ...expired }, ed25519()),
    ],
    ['for another audience', () => expiredFor({ aud: 'other' })],
    ['of another issuer', () => expiredFor({ iss: 'https://other.test/' })],
    [
      'with a changed signature',
      () =>
        expiredFor({}).replace(
          /\.([^.])([^.]*)$/,
          (_, first, rest) => `.${first === 'A' ? 'B' : 'A'}${rest}`,
        ),
    ],
  ])('fails without that message if it is %s', async (_, token) => {
    expect(await sentenceOf(() => authenticateToken(token()))).toBe(plain);
  });
  const expiredFor = (changed: object) =>
    signToken({ alg: 'EdDSA' }, { ...claims, ...expired, ...changed }, key);
});

describe('the Authorization header', () => {
  const token = signToken({ alg: 'EdDSA', kid: 'k1' }, claims, key);
  const authenticate = createAuthenticate({ issuer, audience, keys: localKeys(jwks) });
  const sent = (multiValueHeaders: Record<string, string[]>) =>
    authenticate(requestOf({ multiValueHeaders }), startOfTime);

  it.each(['Authorization', 'authorization', 'AUTHORIZATION'])(
    'works in the spelling %s',
    async (name) => {
      await expect(sent({ [name]: [`bearer ${token}`] })).resolves.toBeDefined();
    },
  );

  it.each<[string, Record<string, string[]>]>([
    ['is missing', {}],
    ['is empty', { Authorization: [''] }],
    ['is the scheme alone', { Authorization: ['Bearer'] }],
    ['is the scheme and a blank', { Authorization: ['Bearer '] }],
    ['has no scheme', { Authorization: [token] }],
    ['has another scheme', { Authorization: [`Basic ${token}`] }],
    ['has two blanks', { Authorization: [`Bearer  ${token}`] }],
    ['ends in a blank', { Authorization: [`Bearer ${token} `] }],
    ['ends in a comma', { Authorization: [`Bearer ${token},`] }],
    ['begins with a blank', { Authorization: [` Bearer ${token}`] }],
    ['holds two tokens', { Authorization: [`Bearer ${token},Bearer ${token}`] }],
    ['occurs twice', { Authorization: [`Bearer ${token}`, `Bearer ${token}`] }],
    ['occurs twice, in two cases', { Authorization: [`Bearer ${token}`], authorization: ['x'] }],
    ['is 20 kB of blanks', { Authorization: [`Bearer${' '.repeat(20_000)}`] }],
  ])('leads to 401 if it %s', async (_, headers) => {
    expect(await codeOf(() => sent(headers))).toBe('unauthenticated');
  });
});

describe('the choice of a key', () => {
  const other = ed25519();
  const both = keySet(publicJwk(key, { kid: 'k1' }), publicJwk(other, { kid: 'k2' }));

  it('follows kid among several keys', async () => {
    await expect(withHeader({ alg: 'EdDSA', kid: 'k1' }, both)).resolves.toBeDefined();
    expect(await codeOf(() => withHeader({ alg: 'EdDSA', kid: 'k2' }, both))).toBe(
      'unauthenticated',
    );
  });

  it('needs no kid if one key fits, even next to keys of other kinds', async () => {
    await expect(withHeader({ alg: 'EdDSA' })).resolves.toBeDefined();
    const mixed = keySet(publicJwk(p256()), publicJwk(key), publicJwk(rsa()));
    await expect(withHeader({ alg: 'EdDSA' }, mixed)).resolves.toBeDefined();
  });

  it('fails if several keys fit and no kid is named', async () => {
    expect(await codeOf(() => withHeader({ alg: 'EdDSA' }, both))).toBe('unauthenticated');
  });

  it('ignores keys that the token itself brings', async () => {
    const asked = jest.spyOn(globalThis, 'fetch').mockRejectedValue(new Error('not asked'));
    const brought = {
      jwk: publicJwk(other),
      jku: 'https://evil.test/jwks',
      x5u: 'https://evil.test/x5u',
      x5c: ['MIIB'],
      x5t: 'x',
    };
    const forged = signToken({ alg: 'EdDSA', ...brought }, claims, other);
    expect(await codeOf(() => authenticateToken(forged))).toBe('unauthenticated');
    await expect(withHeader({ alg: 'EdDSA', ...brought })).resolves.toBeDefined();
    expect(asked).not.toHaveBeenCalled();
    asked.mockRestore();
  });
});
