/**
 * Who asks: a verified JWT and nothing else. `jose` checks signature and claims; what it would skip
 * when not asked for is asked for here. `kid` chooses a key within the configured set and no header
 * of the token can bring another. What a token was verified as is kept for a moment.
 */
import { createPublicKey, type JsonWebKey } from 'node:crypto';
import {
  createLocalJWKSet,
  createRemoteJWKSet,
  customFetch,
  decodeProtectedHeader,
  errors,
  type JSONWebKeySet,
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
const rsaModulusBitsMin = 2048;

export const createAuthenticate = ({ issuer, audience, keys }: Issuer): Authenticate => {
  const verified = createVerifiedTokens();
  return async (event, now) => {
    const token = bearerToken(event);
    const known = verified.find(token, now);
    if (known !== undefined) return known;
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
  const { tenant, scope = '', names } = claims;
  if (typeof tenant !== 'string' || !isTenant(tenant)) throw unauthenticated();
  if (typeof sub !== 'string' || !isSubject(sub)) throw unauthenticated();
  if (typeof scope !== 'string' || !isNames(names)) throw unauthenticated();
  return { tenant, subject: sub, scopes: scope.split(' ').filter((word) => word !== ''), names };
};

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

const unauthenticated = (cause?: unknown): VaultError =>
  new VaultError('unauthenticated', 'a valid bearer token is needed', { cause });

/** A token that fails is the caller's fault; a key set that cannot be had is not. */
const faultOf = (error: unknown): VaultError => {
  const isTokens = error instanceof errors.JOSEError && error.code !== 'ERR_JOSE_GENERIC';
  const isKeySets = error instanceof errors.JWKSTimeout || error instanceof errors.JWKSInvalid;
  return isTokens && !isKeySets
    ? unauthenticated(error)
    : new VaultError('identity_unavailable', 'the key set is out of reach', { cause: error });
};

/**
 * The keys of a set given as JSON text. Throws a plain sentence for a set with anything but public
 * keys of the allowed kinds: the function must not start with it.
 */
export const localKeys = (jwks: string): JWTVerifyGetKey => createLocalJWKSet(publicKeys(jwks));

/**
 * The keys behind an HTTPS address; fetched when first needed, kept, and held to the same rules. While
 * kept keys are good, a fetch that failed is not repeated for 30 s: a caller without a token must not
 * be able to make one fetch a request by naming keys that do not exist.
 */
export const remoteKeys = (
  url: string,
  fetchKeys: (url: string, init: RequestInit) => Promise<Response> = fetch,
): JWTVerifyGetKey => {
  let fetchedAt = Number.NEGATIVE_INFINITY;
  let failedAt = Number.NEGATIVE_INFINITY;
  return createRemoteJWKSet(new URL(url), {
    timeoutDuration: times.keySetTimeoutMs,
    cacheMaxAge: times.keySetKeptMs,
    cooldownDuration: times.keySetCooldownMs,
    [customFetch]: async (address, init) => {
      const keysAreGood = Date.now() - fetchedAt < times.keySetKeptMs;
      if (keysAreGood && Date.now() - failedAt < times.keySetCooldownMs) {
        throw new Error('the key set was out of reach a moment ago');
      }
      try {
        const response = await fetchKeys(address, { ...init, redirect: 'error' });
        if (response.status !== 200) throw new Error('the key set was not answered');
        const keys = publicKeys(await response.text());
        fetchedAt = Date.now();
        return Response.json(keys);
      } catch (error) {
        failedAt = Date.now();
        throw error;
      }
    },
  });
};

const publicKeys = (text: string): JSONWebKeySet => {
  const set = parseSet(text);
  const keys = isObject(set) && 'keys' in set ? set.keys : undefined;
  if (!Array.isArray(keys) || keys.length === 0) throw new Error('the key set holds no keys');
  if (!keys.every(isPublicKey)) {
    throw new Error('the key set may hold public Ed25519, P-256 and RSA (2048 or more) keys only');
  }
  return { keys };
};

/** The parser's own message would quote the text, which may hold a private key by mistake. */
const parseSet = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error('the key set is not JSON');
  }
};

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;

const isPublicKey = (key: unknown): boolean => {
  if (!isObject(key) || ['d', 'k', 'p', 'q'].some((part) => part in key)) return false;
  try {
    const { asymmetricKeyType: type, asymmetricKeyDetails: details } = createPublicKey({
      key: key as JsonWebKey,
      format: 'jwk',
    });
    return (
      type === 'ed25519' ||
      (type === 'ec' && details?.namedCurve === 'prime256v1') ||
      (type === 'rsa' && (details?.modulusLength ?? 0) >= rsaModulusBitsMin)
    );
  } catch {
    return false;
  }
};
