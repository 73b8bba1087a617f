/**
 * Makes tokens of the local issuer in this process. Starting `host/bin/token.ts` for each would
 * take too long.
 */
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Key, signToken } from './issuer.ts';

export type Claims = { readonly [claim: string]: unknown };

/** Returns the key pair of the issuer whose vault runs on this folder, and the id of the key. */
export const issuerOf = (dataDir: string): Key & { readonly kid: string } => {
  const stored = JSON.parse(readFileSync(join(dataDir, 'token-key.json'), 'utf8'));
  const privateKey = createPrivateKey({ key: stored, format: 'jwk' });
  return { privateKey, publicKey: createPublicKey(privateKey), kid: stored.kid };
};

/**
 * Returns claims with which a subject of tenant `acme` may use every route about secrets, for an
 * hour. `undefined` leaves a claim out.
 */
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
