/** An issuer of an access policy with a key of its own, and the tokens that it signs. */
import { ed25519, publicJwk, rsa, signToken } from './issuer.ts';
import type { Claims } from './tokens.ts';

export type PolicyIssuer = {
  /** The entry of the issuer in the policy, except for its rules. */
  readonly entry: Readonly<Record<string, unknown>>;
  /** A token for the vault with these claims, for an hour. `undefined` leaves a claim out. */
  readonly token: (claims?: Claims) => string;
};

export const makePolicyIssuer = (
  id: string,
  issuer: string,
  alg: 'EdDSA' | 'RS256' = 'EdDSA',
): PolicyIssuer => {
  const key = alg === 'RS256' ? rsa() : ed25519();
  const nowS = Math.floor(Date.now() / 1_000);
  const usual = { iss: issuer, aud: 'vault', iat: nowS, exp: nowS + 3_600 };
  return {
    entry: {
      id,
      issuer,
      audiences: ['vault'],
      algorithms: [alg],
      jwks: { keys: [publicJwk(key)] },
    },
    token: (claims = {}) => signToken({ alg }, { ...usual, ...claims }, key),
  };
};
