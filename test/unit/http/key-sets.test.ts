import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { localKeys } from '../../../functions/http/key-sets.ts';
import {
  ed25519,
  type Key,
  keySet,
  p256,
  privateJwk,
  publicJwk,
  rsa,
} from '../../support/issuer.ts';

const key = ed25519();
const first = publicJwk(key, { kid: 'k1' });

describe('localKeys', () => {
  it.each<[string, object]>([
    ['Ed25519', publicJwk(ed25519())],
    ['P-256', publicJwk(p256())],
    ['RSA of 2048 bits', publicJwk(rsa())],
  ])('accepts public keys of kind %s', (_, jwk) => {
    expect(() => localKeys(keySet(jwk, first))).not.toThrow();
  });

  const ec = (namedCurve: string): Key => generateKeyPairSync('ec', { namedCurve });
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
    const torn = [
      '{"keys":[{"d":"c4n4ry"',
      '{"keys":[c4n4ry]}',
      'c4n4ry',
      '{"keys":[{"d":c4n4ry"}]}',
    ];
    for (const jwks of torn) {
      expect(() => localKeys(jwks)).toThrow(
        expect.objectContaining({ message: expect.not.stringContaining('c4n4ry') }),
      );
    }
  });
});
