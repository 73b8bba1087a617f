/**
 * Who the callers of a moment ago were. A token is all that its verification looks at, beside the keys and the time, so
 * one that comes again need not be verified again until it expires; within a minute it is, in case its key was
 * withdrawn. Tokens are known by their digest, and one that was refused is not kept.
 */
import { hash } from 'node:crypto';
import { limits, times } from '../model/limits.ts';
import type { Principal } from '../model/types.ts';

export type VerifiedTokens = {
  /** The principal of a token, if it was kept and is as good at `now`, in milliseconds. */
  readonly find: (token: string, now: number) => Principal | undefined;
  /** To be called with what a token was verified as at `now`; `exp` as it stands in the token, in seconds. */
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
