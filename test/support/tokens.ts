/** Tokens of the local issuer, signed here to save the time of starting `local/bin/token.ts` for each. */
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Key, signToken } from './issuer.ts';

export type Claims = { readonly [claim: string]: unknown };

/** The key pair of a vault of this folder, and its id. */
export const issuerOf = (dataDir: string): Key & { readonly kid: string } => {
  const stored = JSON.parse(readFileSync(join(dataDir, 'token-key.json'), 'utf8'));
  const privateKey = createPrivateKey({ key: stored, format: 'jwk' });
  return { privateKey, publicKey: createPublicKey(privateKey), kid: stored.kid };
};

/** Claims that open every route about secrets to a subject of tenant `acme` for an hour; `undefined` leaves one out. */
export const claimsOf = (claims: Claims = {}): Claims => ({
  iss: 'urn:vault:local',
  aud: 'vault',
  exp: Math.floor(Date.now() / 1_000) + 3_600,
  tenant: 'acme',
  sub: 'alice',
  scope: 'secrets:read secrets:write secrets:delete secrets:destroy secrets:explain',
  ...claims,
});

export const issueToken = (dataDir: string, claims?: Claims): string => {
  const issuer = issuerOf(dataDir);
  return signToken({ alg: 'EdDSA', kid: issuer.kid }, claimsOf(claims), issuer);
};
