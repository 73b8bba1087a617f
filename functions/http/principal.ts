/**
 * Identifies the caller by a verified JWT, and by nothing else. `jose` checks the signature and the
 * times; the access policy decides what the claims allow. `kid` selects a key from the issuer's
 * set, and no header of the token can add one. The result of a verification is reused for up to a
 * minute.
 */
import { hash } from 'node:crypto';
import {
  decodeJwt,
  decodeProtectedHeader,
  errors,
  type JWTPayload,
  type JWTVerifyGetKey,
  jwtVerify,
} from 'jose';
import type { ClaimPolicy, IssuerPolicy } from '../access/policy-types.ts';
import { audienceFault, createDecider, type Decider } from '../access/rules.ts';
import { ApiError, type ForLog } from '../model/errors.ts';
import { limits, times } from '../model/limits.ts';
import type { Principal } from '../model/types.ts';
import type { HttpRequest } from './messages.ts';
import { headerValues } from './requests.ts';

export type Issuer = ClaimPolicy &
  Pick<IssuerPolicy, 'algorithms'> & { readonly keys: JWTVerifyGetKey };
type Headers = Pick<HttpRequest, 'headers'>;

/** Returns the principal of a request. Throws `unauthenticated` or `identity_unavailable`. */
export type Authenticate = (request: Headers, now: number) => Promise<Principal>;

export type Authenticator = {
  readonly authenticate: Authenticate;
  /**
   * Replaces the issuers and forgets all verified tokens. Requests that are running keep the old
   * issuers.
   */
  readonly use: (issuers: readonly Issuer[]) => void;
};

/**
 * Makes an authenticator for the tokens of these issuers. No two of them may have the same `iss`.
 */
export const createAuthenticator = (issuers: readonly Issuer[] = []): Authenticator => {
  let authenticate = createAuthenticate(issuers);
  return {
    authenticate: (request, now) => authenticate(request, now),
    use: (next) => {
      authenticate = createAuthenticate(next);
    },
  };
};

const createAuthenticate = (issuers: readonly Issuer[]): Authenticate => {
  const verified = createVerifiedTokens();
  const byClaim = new Map(
    issuers.map((issuer) => [issuer.issuer, { ...issuer, decide: createDecider(issuer) }]),
  );
  return async (request, now) => {
    const token = bearerToken(request);
    const known = verified.find(token, now);
    if (known !== undefined) return known;
    refuseOtherSpellings(token);
    const { crit, iss = '' } = unverifiedPartsOf(token);
    const issuer = byClaim.get(iss);
    if (issuer === undefined) throw unauthenticated({ why: 'no_issuer' });
    if (crit !== undefined) throw unauthenticated({ why: 'spelling', issuer: issuer.id });
    const principal = await principalOf(issuer, token, now);
    verified.keep(token, principal, now);
    return principal;
  };
};

const bearerToken = (request: Headers): string => {
  const [header, ...others] = headerValues(request, 'authorization');
  const token = /^Bearer ([A-Za-z0-9._-]+)$/i.exec(header ?? '')?.[1];
  if (!/^Bearer +\S/i.test(header ?? '')) throw unauthenticated({ why: 'no_token' });
  if (others.length > 0 || token === undefined) throw unauthenticated({ why: 'spelling' });
  if (token.length > limits.tokenBytesMax) throw unauthenticated({ why: 'too_long' });
  return token;
};

/**
 * The last character of base64url may have unused bits, which decoders ignore. They must be zero
 * here, so that every token has exactly one spelling.
 */
const refuseOtherSpellings = (token: string): void => {
  const isCanonical = (part: string) =>
    Buffer.from(part, 'base64url').toString('base64url') === part;
  if (!token.split('.').every(isCanonical)) throw unauthenticated({ why: 'spelling' });
};

/**
 * `iss` is not verified yet. It only selects the issuer whose keys the signature is then checked
 * with. `crit` lists extensions that a verifier must understand; the vault understands none.
 */
const unverifiedPartsOf = (token: string) => {
  try {
    return { crit: decodeProtectedHeader(token).crit, iss: decodeJwt(token).iss };
  } catch (error) {
    throw unauthenticated({ why: 'spelling' }, error);
  }
};

const principalOf = async (
  issuer: Issuer & { readonly decide: Decider },
  token: string,
  now: number,
): Promise<Principal> => {
  const claims = await verify(issuer, token, now);
  // `verify` has made sure that `exp` is present.
  const { exp = 0, nbf, iat } = claims;
  if (![exp, nbf, iat].every(isDate)) throw unauthenticated({ why: 'date', issuer: issuer.id });
  const decision = issuer.decide(claims);
  if (!('granted' in decision)) {
    const { because: why, ...about } = decision.refusal;
    const by = Object.values(about).join(' ') || undefined;
    const mismatches = decision.mismatches.slice(0, limits.lineEntriesMax);
    throw unauthenticated({ why, issuer: issuer.id, by, mismatches });
  }
  return { ...decision.granted, expires: 1_000 * exp };
};

const verify = async (issuer: Issuer, token: string, now: number): Promise<JWTPayload> => {
  try {
    const { payload } = await jwtVerify(token, issuer.keys, {
      issuer: issuer.issuer,
      algorithms: [...issuer.algorithms],
      requiredClaims: ['iss', 'exp'],
      clockTolerance: times.tokenToleranceS,
      currentDate: new Date(now),
    });
    return payload;
  } catch (error) {
    throw faultOf(issuer, error);
  }
};

/**
 * `jose` only makes sure that these claims are numbers, but JSON has numbers that are not a time,
 * such as `1e400`.
 */
const isDate = (seconds: number | undefined): boolean =>
  seconds === undefined || (seconds >= 0 && seconds <= times.tokenDateMaxS);

const unauthenticated = (
  forLog: ForLog,
  cause?: unknown,
  sentence = 'a valid bearer token is needed',
): ApiError => new ApiError('unauthenticated', sentence, { cause, forLog });

/**
 * An invalid token is the caller's fault; an unreachable key set is not. Only somebody who holds a
 * token for this vault learns that it has expired: `jose` reports expiry after it has verified the
 * signature and the issuer.
 */
const faultOf = (issuer: Issuer, error: unknown): ApiError => {
  if (!(error instanceof errors.JOSEError)) {
    const sentence = 'the key set cannot be fetched';
    return new ApiError('identity_unavailable', sentence, { cause: error });
  }
  const forLog = { why: reasonOf(error), issuer: issuer.id };
  const tellsEnd =
    error instanceof errors.JWTExpired && audienceFault(issuer, error.payload) === undefined;
  return unauthenticated(forLog, error, tellsEnd ? 'the token has expired' : undefined);
};

const reasonOf = (error: errors.JOSEError): string => {
  if (error instanceof errors.JWTClaimValidationFailed) {
    return error.claim === 'nbf' && error.reason === 'check_failed' ? 'not_yet' : 'date';
  }
  return reasons.get(error.code) ?? 'spelling';
};

const reasons: ReadonlyMap<string, string> = new Map([
  [errors.JWTExpired.code, 'expired'],
  [errors.JOSEAlgNotAllowed.code, 'algorithm'],
  [errors.JWSSignatureVerificationFailed.code, 'signature'],
  [errors.JWKSNoMatchingKey.code, 'no_key'],
  [errors.JWKSMultipleMatchingKeys.code, 'no_key'],
]);

type CacheEntry = { readonly principal: Principal; readonly from: number; readonly until: number };

/**
 * A cache of verified tokens. The result of a verification depends only on the token, the keys and
 * the time. It is reused until the token expires, but for at most a minute, because its key may be
 * withdrawn. The cache holds hashes of tokens; refused tokens are not cached.
 */
const createVerifiedTokens = () => {
  const kept = new Map<string, CacheEntry>();
  const idOf = (token: string) => hash('sha256', token, 'base64url');
  return {
    find: (token: string, now: number): Principal | undefined => {
      const known = kept.get(idOf(token));
      return known !== undefined && now >= known.from && now < known.until
        ? known.principal
        : undefined;
    },
    keep: (token: string, principal: Principal, now: number): void => {
      const expiry = principal.expires + 1_000 * times.tokenToleranceS;
      const until = Math.min(expiry, now + times.tokenKeptMs);
      const [oldest] = kept.keys();
      if (kept.size >= limits.tokensKeptMax && oldest !== undefined) kept.delete(oldest);
      kept.set(idOf(token), { principal, from: now, until });
    },
  };
};
