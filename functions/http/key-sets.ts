/** The issuer's public keys, from a set in the configuration or from an HTTPS address. */
import { createPublicKey, type JsonWebKey } from 'node:crypto';
import {
  createLocalJWKSet,
  createRemoteJWKSet,
  customFetch,
  type JSONWebKeySet,
  type JWTVerifyGetKey,
} from 'jose';
import { limits, times } from '../model/limits.ts';

/**
 * The keys of a set that is given as JSON text. Throws a sentence if the set holds anything but public keys of the
 * allowed kinds, because the function must not start with it.
 */
export const localKeys = (jwks: string): JWTVerifyGetKey => createLocalJWKSet(publicKeys(jwks));

/**
 * The keys at an HTTPS address. They are fetched when first needed, cached, and must keep the same rules. While the
 * cached keys are fresh, a failed fetch is not repeated for 30 s. Otherwise a caller without a valid token could
 * cause a fetch with each request, by naming keys that do not exist.
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

/** Hides the parser's own message, which would quote the text. The text may hold a private key by mistake. */
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
      (type === 'rsa' && (details?.modulusLength ?? 0) >= limits.rsaModulusBitsMin)
    );
  } catch {
    return false;
  }
};
