/**
 * A cache of verified tokens. Verification depends only on the token, the keys and the time, so its result can be reused
 * until the token expires, and for at most a minute, in case its key is withdrawn. The cache holds digests of tokens. A
 * refused token is not cached.
 */
import { hash } from 'node:crypto';
import { limits, times } from '../model/limits.ts';
import type { Principal } from '../model/types.ts';

export type VerifiedTokens = {
  /** The principal of a cached token that is still valid at `now`, in milliseconds. */
  readonly find: (token: string, now: number) => Principal | undefined;
  /** Caches the result of a verification at `now`, in milliseconds. `exp` is the claim of the token, in seconds. */
  readonly keep: (token: string, principal: Principal, exp: number, now: number) => void;
};

type Kept = { readonly principal: Principal; readonly from: number; readonly until: number };

export const createVerifiedTokens = (): VerifiedTokens => {
  const kept = new Map<string, Kept>();
  const idOf = (token: string) => hash('sha256', token, 'base64url');
  return {
    find: (token, now) => {
      const known = kept.get(idOf(token));
      return known !== undefined && now >= known.from && now < known.until
        ? known.principal
        : undefined;
    },
    keep: (token, principal, exp, now) => {
      const expiry = 1_000 * (exp + times.tokenToleranceS);
      const until = Math.min(expiry, now + times.tokenKeptMs);
      const [oldest] = kept.keys();
      if (kept.size >= limits.tokensKeptMax && oldest !== undefined) kept.delete(oldest);
      kept.set(idOf(token), { principal, from: now, until });
    },
  };
};
