/**
 * Who asks: a verified JWT and nothing else. `jose` checks signature and claims; what it would skip
 * when not asked for is asked for here. `kid` chooses a key within the configured set and no header
 * of the token can bring another. The result of a verification is reused for a moment.
 */
import {
  decodeProtectedHeader,
  errors,
  type JWTPayload,
  type JWTVerifyGetKey,
  jwtVerify,
} from 'jose';
import { VaultError } from '../model/errors.ts';
import { limits, times } from '../model/limits.ts';
import { isNamePattern, isTenant } from '../model/names.ts';
import type { Principal } from '../model/types.ts';
import { type Event, headerValues } from './requests.ts';
import { createVerifiedTokens } from './verified-tokens.ts';

export type Issuer = {
  readonly issuer: string;
  readonly audience: string;
  readonly keys: JWTVerifyGetKey;
};
/** Makes the principal of a request, or throws `unauthenticated` or `identity_unavailable`. */
export type Authenticate = (event: Event, now: number) => Promise<Principal>;

const algorithms = ['EdDSA', 'ES256', 'RS256'];

export const createAuthenticate = ({ issuer, audience, keys }: Issuer): Authenticate => {
  const verified = createVerifiedTokens();
  return async (event, now) => {
    const token = bearerToken(event);
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

const bearerToken = (event: Event): string => {
  const [header, ...others] = headerValues(event, 'authorization');
  const token = /^Bearer ([A-Za-z0-9._-]+)$/i.exec(header ?? '')?.[1];
  if (others.length > 0 || token === undefined || token.length > limits.tokenBytesMax) {
    throw unauthenticated();
  }
  return token;
};

/**
 * Base64url may leave unused bits in the last character, and decoders ignore them. Here they must be zero,
 * so that no other text is the same token.
 */
const refuseOtherSpellings = (token: string): void => {
  const isCanonical = (part: string) =>
    Buffer.from(part, 'base64url').toString('base64url') === part;
  if (!token.split('.').every(isCanonical)) throw unauthenticated();
};

/** `crit` names extensions that a verifier must know; this one knows none. */
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
  return { tenant, subject: sub, scopes: scope.split(' ').filter((word) => word !== ''), names };
};

/** `jose` has checked that these claims are numbers; JSON can also write numbers that are no time, like `1e400`. */
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
 * A token that fails is the caller's fault; a key set that cannot be had is not. `jose` reports an expired
 * token only after it verified the signature, issuer and audience, so only the token's holder learns of it.
 */
const faultOf = (error: unknown): VaultError => {
  if (error instanceof errors.JWTExpired) return unauthenticated(error, 'the token has expired');
  const isTokens = error instanceof errors.JOSEError && error.code !== 'ERR_JOSE_GENERIC';
  const isKeySets = error instanceof errors.JWKSTimeout || error instanceof errors.JWKSInvalid;
  return isTokens && !isKeySets
    ? unauthenticated(error)
    : new VaultError('identity_unavailable', 'the key set is out of reach', { cause: error });
};
