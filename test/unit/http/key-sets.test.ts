import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { localKeys } from '../../../functions/http/key-sets.ts';
import { ed25519, keySet, p256, privateJwk, publicJwk, rsa } from '../../support/issuer.ts';

const key = ed25519();
const first = publicJwk(key, { kid: 'k1' });

describe('localKeys', () => {
  it('accepts public keys of the kinds Ed25519, P-256 and RSA of 2048 bits', () => {
    const jwks = keySet(first, publicJwk(p256()), publicJwk(rsa(2048)));
    expect(() => localKeys(jwks)).not.toThrow();
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
    ['a P-384 key', () => keySet(publicJwk(ec('P-384')))],
    ['a secp256k1 key', () => keySet(publicJwk(ec('secp256k1')))],
    ['an Ed448 key', () => keySet(publicJwk(generateKeyPairSync('ed448')))],
    ['an X25519 key', () => keySet(publicJwk(generateKeyPairSync('x25519')))],
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
