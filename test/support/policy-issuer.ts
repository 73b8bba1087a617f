/** An issuer of an access policy, with a key of its own, and the tokens that it signs. */
import { ed25519, publicJwk, rsa, signToken } from './issuer.ts';
import type { Claims } from './tokens.ts';

export type PolicyIssuer = {
  /** The entry for this issuer in an access policy, still without rules. */
  readonly entry: Readonly<Record<string, unknown>>;
  /**
   * Returns a token for the vault with these claims, valid for an hour. `undefined` leaves a claim
   * out.
   */
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
