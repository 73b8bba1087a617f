import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { jwtVerify } from 'jose';
import { localKeys } from '../../../functions/http/key-sets.ts';
import {
  ed25519,
  keySet,
  p256,
  p384,
  privateJwk,
  publicJwk,
  rsa,
  signToken,
} from '../../support/issuer.ts';

const key = ed25519();
const first = publicJwk(key, { kid: 'k1' });

describe('localKeys', () => {
  it('accepts public keys of the kinds Ed25519, P-256, P-384 and RSA of 2048 bits', async () => {
    const pairs = { EdDSA: key, ES256: p256(), ES384: p384(), RS256: rsa(2048) };
    const keys = localKeys(keySet(...Object.values(pairs).map((pair) => publicJwk(pair))));
    for (const [alg, pair] of Object.entries(pairs)) {
      const token = signToken({ alg }, {}, pair);
      expect((await jwtVerify(token, keys)).protectedHeader).toEqual({ alg });
    }
  });

  it.each([
    { use: 'sig' },
    { key_ops: ['sign', 'verify'] },
    { alg: 'EdDSA' },
    { ext: 1, x5c: 'c' },
  ])('accepts a key with %j', async (properties) => {
    const keys = localKeys(keySet({ ...first, ...properties }));
    const token = signToken({ alg: 'EdDSA', kid: 'k1' }, {}, key);
    await expect(jwtVerify(token, keys)).resolves.toBeDefined();
  });

  const ec = (namedCurve: string) => generateKeyPairSync('ec', { namedCurve });
  it.each<[string, () => string]>([
    ['a private Ed25519 key', () => keySet(privateJwk(key))],
    ['a private P-256 key', () => keySet(privateJwk(p256()))],
    ['a private RSA key', () => keySet(privateJwk(rsa()))],
    ['a private key behind a public one', () => keySet(first, privateJwk(key))],
    ['a symmetric key', () => keySet({ kty: 'oct', k: 'aHVudGVyMg' })],
    ['a symmetric key behind a public one', () => keySet(first, { kty: 'oct', k: 'aHVudGVyMg' })],
    ['a public key with a symmetric part', () => keySet({ ...first, k: 'aHVudGVyMg' })],
    ['an RSA key of 1024 bits', () => keySet(publicJwk(rsa(1024)))],
    ['an RSA key of 2047 bits', () => keySet(publicJwk(rsa(2047)))],
    ['a P-521 key', () => keySet(publicJwk(ec('P-521')))],
    ['a secp256k1 key', () => keySet(publicJwk(ec('secp256k1')))],
    ['an Ed448 key', () => keySet(publicJwk(generateKeyPairSync('ed448')))],
    ['an X25519 key', () => keySet(publicJwk(generateKeyPairSync('x25519')))],
    ['a key for encryption', () => keySet({ ...first, use: 'enc' })],
    ['a key that may not verify', () => keySet({ ...first, key_ops: ['encrypt'] })],
    ['a key with a text for its operations', () => keySet({ ...first, key_ops: 'verify' })],
    ['an RSA key for another algorithm', () => keySet(publicJwk(rsa(), { alg: 'RS512' }))],
    ['a key of no kind', () => keySet({ kid: 'k1' })],
    ['a point that is not on its curve', () => keySet({ ...publicJwk(p256()), y: 'AAAA' })],
    ['null for a key', () => keySet(null)],
    ['a text for a key', () => keySet('key')],
    ['no keys', () => keySet()],
    ['no list of keys', () => '{"keys":{}}'],
    ['no property for keys', () => JSON.stringify(first)],
    ['a list', () => JSON.stringify([first])],
    ['null', () => 'null'],
    ['an empty text', () => ''],
  ])('rejects %s with a sentence about the key set', (_, jwks) => {
    expect(() => localKeys(jwks())).toThrow(/^the key set /);
  });

  it('never quotes an invalid key set, which may hold a private key', () => {
    for (const jwks of ['{"keys":[{"d":"c4n4ry"', '{"keys":[c4n4ry]}', 'c4n4ry']) {
      const message = expect.not.stringContaining('c4n4ry');
      expect(() => localKeys(jwks)).toThrow(expect.objectContaining({ message }));
    }
  });
});
