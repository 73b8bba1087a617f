/**
 * The caller, known only by a verified JWT. `jose` checks the signature and the claims, and this module requires the
 * claims that `jose` treats as optional. `kid` chooses a key of the configured set, and no header of the token can
 * add one. The result of a verification is reused for a minute.
 */
import { hash } from 'node:crypto';
import {
  decodeProtectedHeader,
  errors,
  type JWTPayload,
  type JWTVerifyGetKey,
  jwtVerify,
} from 'jose';
import { VaultError } from '../model/errors.ts';
import { limits, times } from '../model/limits.ts';
import { isNamePattern, isTenant, type Principal } from '../model/types.ts';
import { type HttpRequest, headerValues } from './requests.ts';

export type Issuer = {
  readonly issuer: string;
  readonly audience: string;
  readonly keys: JWTVerifyGetKey;
};
type Headers = Pick<HttpRequest, 'headers'>;

/** Returns the principal of a request. Throws `unauthenticated` or `identity_unavailable`. */
export type Authenticate = (request: Headers, now: number) => Promise<Principal>;

const algorithms = ['EdDSA', 'ES256', 'RS256'];

export const createAuthenticate = ({ issuer, audience, keys }: Issuer): Authenticate => {
  const verified = createVerifiedTokens();
  return async (request, now) => {
    const token = bearerToken(request);
    const known = verified.find(token, now);
    if (known !== undefined) return known;
    refuseOtherSpellings(token);
    refuseExtensions(token);
    try {
      const { payload } = await jwtVerify(token, keys, {
        issuer,
        audience,
        algorithms,
        requiredClaims: ['iss', 'aud', 'exp'],
        clockTolerance: times.tokenToleranceS,
        currentDate: new Date(now),
      });
      const principal = principalOf(payload);
      if (payload.exp !== undefined) verified.keep(token, principal, payload.exp, now);
      return principal;
    } catch (error) {
      throw error instanceof VaultError ? error : faultOf(error);
    }
  };
};

const bearerToken = (request: Headers): string => {
  const [header, ...others] = headerValues(request, 'authorization');
  const token = /^Bearer ([A-Za-z0-9._-]+)$/i.exec(header ?? '')?.[1];
  if (others.length > 0 || token === undefined || token.length > limits.tokenBytesMax) {
    throw unauthenticated();
  }
  return token;
};

/**
 * The last character of base64url may have unused bits, which decoders ignore. Here they must be zero, so that each
 * token has only one spelling.
 */
const refuseOtherSpellings = (token: string): void => {
  const isCanonical = (part: string) =>
    Buffer.from(part, 'base64url').toString('base64url') === part;
  if (!token.split('.').every(isCanonical)) throw unauthenticated();
};

/** `crit` names extensions that a verifier must know. This verifier knows none. */
const refuseExtensions = (token: string): void => {
  let crit: unknown;
  try {
    ({ crit } = decodeProtectedHeader(token));
  } catch (error) {
    throw unauthenticated(error);
  }
  if (crit !== undefined) throw unauthenticated();
};

const principalOf = ({ sub, ...claims }: JWTPayload): Principal => {
  const { tenant, scope = '', names, exp, nbf, iat } = claims;
  if (![exp, nbf, iat].every(isDate)) throw unauthenticated();
  if (typeof tenant !== 'string' || !isTenant(tenant)) throw unauthenticated();
  if (typeof sub !== 'string' || !isSubject(sub)) throw unauthenticated();
  if (typeof scope !== 'string' || !isNames(names)) throw unauthenticated();
  const scopes = scope.split(' ').filter((word) => word !== '');
  const expires = 1_000 * (exp ?? 0);
  return { tenant, subject: sub, scopes, names, issuer: 'default', rule: undefined, expires };
};

/** `jose` has checked that these claims are numbers. But JSON can write numbers that are no time, like `1e400`. */
const isDate = (seconds: number | undefined): boolean =>
  seconds === undefined || (seconds >= 0 && seconds <= times.tokenDateMaxS);

const isSubject = (sub: string): boolean =>
  sub !== '' &&
  sub.isWellFormed() &&
  !/\p{Cc}/u.test(sub) &&
  Buffer.byteLength(sub) <= limits.subjectBytesMax;

const isNames = (names: unknown): names is readonly string[] | undefined =>
  names === undefined ||
  (Array.isArray(names) &&
    names.length <= limits.namePatternsMax &&
    names.every((name) => typeof name === 'string' && isNamePattern(name)));

const unauthenticated = (
  cause?: unknown,
  sentence = 'a valid bearer token is needed',
): VaultError => new VaultError('unauthenticated', sentence, { cause });

/**
 * An invalid token is the caller's fault, and an unreachable key set is not. `jose` reports an expired token only
 * after it verified the signature, issuer and audience, so only the token's holder learns that it has expired.
 */
const faultOf = (error: unknown): VaultError => {
  if (error instanceof errors.JWTExpired) return unauthenticated(error, 'the token has expired');
  const isTokens = error instanceof errors.JOSEError && error.code !== 'ERR_JOSE_GENERIC';
  const isKeySets = error instanceof errors.JWKSTimeout || error instanceof errors.JWKSInvalid;
  return isTokens && !isKeySets
    ? unauthenticated(error)
    : new VaultError('identity_unavailable', 'the key set cannot be fetched', { cause: error });
};

type VerifiedTokens = {
  /** The principal of a cached token that is still valid at `now`, in milliseconds. */
  readonly find: (token: string, now: number) => Principal | undefined;
  /** Caches the result of a verification at `now`, in milliseconds. `exp` is the claim of the token, in seconds. */
  readonly keep: (token: string, principal: Principal, exp: number, now: number) => void;
};

type Kept = { readonly principal: Principal; readonly from: number; readonly until: number };

/**
 * A cache of verified tokens. Verification depends only on the token, the keys and the time, so its result can be reused
 * until the token expires, and for at most a minute, in case its key is withdrawn. The cache holds digests of tokens. A
 * refused token is not cached.
 */
const createVerifiedTokens = (): VerifiedTokens => {
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
