/** An issuer's public keys: a set of the configuration, of an HTTPS address, or of OpenID discovery. */
import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import { createLocalJWKSet, errors, type JWK, type JWTVerifyGetKey } from 'jose';
import { isPrivateKey } from '../access/policy.ts';
import { limits, times } from '../model/limits.ts';
import { fetchPublic } from './public-fetch.ts';

type Fetch = (url: string, init: RequestInit) => Promise<Response>;
type Now = () => number;

/**
 * The keys of a set that is given as JSON text. Throws a sentence if the set holds anything but usable public
 * keys, because the function must not start with it.
 */
export const localKeys = (jwks: string): JWTVerifyGetKey => {
  const keys = listOfKeys(jwks);
  const usable = usableKeys(keys);
  if (usable.length < keys.length) {
    throw new Error(
      'the key set may hold public keys only, for EdDSA (Ed25519), ES256, ES384 or RS256 (2048 bits or more)',
    );
  }
  return createLocalJWKSet({ keys: usable });
};

/**
 * The keys at an HTTPS address, fetched when first needed, and cached. Keys that the vault cannot use are
 * skipped, because an issuer may publish keys for other verifiers too. An unknown key id causes a fetch at
 * most once in 30 s. After a failed fetch the next one waits 1, 2, 4 … 30 s, and until then a request that
 * needs it fails. Otherwise a caller without a valid token could cause a fetch with each request, by naming
 * this issuer or keys that do not exist.
 */
export const remoteKeys = (
  url: string,
  fetchKeys: Fetch = fetch,
  now: Now = Date.now,
): JWTVerifyGetKey => cachedKeys(fetchKeys, now, (read) => read(url));

/**
 * The keys that an issuer names in its discovery document (OpenID Connect Discovery 1.0, section 4), which each
 * fetch reads again. The rules of `remoteKeys` apply. Throws a sentence if the issuer is no HTTPS address.
 */
export const discoveredKeys = (
  issuer: string,
  fetchKeys: Fetch = fetchPublic,
  now: Now = Date.now,
): JWTVerifyGetKey => {
  if (!/^https:\/\/[^?#]+$/.test(issuer)) {
    throw new Error('a discovered issuer must begin with https://, and have no query or fragment');
  }
  const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  return cachedKeys(fetchKeys, now, async (read) => {
    const document = parseObject(await read(url), 'the discovery document');
    const { issuer: named, jwks_uri: keysUrl } = document;
    if (named !== issuer) throw new Error('the discovery document names another issuer');
    if (typeof keysUrl !== 'string' || !keysUrl.startsWith('https://')) {
      throw new Error('the discovery document names no HTTPS address of keys');
    }
    return read(keysUrl);
  });
};

/** Reads the reply at an address as text. All calls of one fetch share its time-out. */
type TextReader = (url: string) => Promise<string>;

const cachedKeys = (
  fetchKeys: Fetch,
  now: Now,
  findSet: (read: TextReader) => Promise<string>,
): JWTVerifyGetKey => {
  /** Whether `at` is at most `ms` ago. A clock that was set back makes nothing last longer. */
  const isWithin = (at: number, ms: number) => now() >= at && now() - at < ms;
  const fetchSet = async () => {
    const signal = AbortSignal.timeout(times.keySetTimeoutMs);
    const set = await findSet(async (url) =>
      textOf(await fetchKeys(url, { headers: keySetHeaders, redirect: 'error', signal })),
    );
    const keys = usableKeys(listOfKeys(set));
    if (keys.length === 0) throw new Error('the key set holds no usable keys');
    return { find: createLocalJWKSet({ keys }), at: now() };
  };
  let kept: Awaited<ReturnType<typeof fetchSet>> | undefined;
  let pending: ReturnType<typeof fetchSet> | undefined;
  const noFailures = { count: 0, at: Number.NEGATIVE_INFINITY };
  let failures = noFailures;
  const load = async () => {
    try {
      kept = await fetchSet();
      failures = noFailures;
      return kept;
    } catch (error) {
      failures = { count: failures.count + 1, at: now() };
      throw error;
    } finally {
      pending = undefined;
    }
  };
  const reload = () => {
    const waitMs = Math.min(
      times.keySetRetryMs * 2 ** (failures.count - 1),
      times.keySetCooldownMs,
    );
    if (isWithin(failures.at, waitMs)) {
      throw new Error('the key set was out of reach a moment ago');
    }
    pending ??= load();
    return pending;
  };
  const setWithin = async (ms: number) => (kept && isWithin(kept.at, ms) ? kept : reload());
  return async (header, token) => {
    const known = await setWithin(times.keySetKeptMs);
    try {
      return await known.find(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
      const recent = await setWithin(times.keySetCooldownMs);
      return await recent.find(header, token);
    }
  };
};

/** Some servers reject requests without a user agent. */
const keySetHeaders = {
  accept: 'application/json, application/jwk-set+json',
  'user-agent': 'distributed-secrets-vault',
};

/** Counts the size while it reads, because a reply need not announce its size, or may be compressed. */
const textOf = async ({ status, body }: Response): Promise<string> => {
  if (status !== 200) throw new Error('the key set was not answered');
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > limits.keySetBytesMax) throw new Error('the reply of the issuer is too large');
    chunks.push(chunk);
  }
  return new TextDecoder().decode(Buffer.concat(chunks));
};

const listOfKeys = (text: string): readonly unknown[] => {
  const { keys } = parseObject(text, 'the key set');
  if (!Array.isArray(keys) || keys.length === 0) throw new Error('the key set holds no keys');
  return keys;
};

/** Hides the parser's own message, which would quote the text. The text may hold a private key by mistake. */
const parseObject = (text: string, what: string): Readonly<Record<string, unknown>> => {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : {};
  } catch {
    throw new Error(`${what} is not JSON`);
  }
};

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null;

/**
 * The public keys for signatures of the allowed kinds, each as its public half with its id and its only
 * algorithm. If the private half of a key is in the set too, neither half is used.
 */
const usableKeys = (keys: readonly unknown[]): JWK[] => {
  const objects = keys.filter(isObject);
  const published = new Set(
    objects.filter(isPrivateKey).map((key) => JSON.stringify(publicHalf(key))),
  );
  return objects.flatMap((key) => {
    const half = publicHalf(key);
    if (half === undefined || published.has(JSON.stringify(half))) return [];
    const { kid, use = 'sig', key_ops: uses = ['verify'], alg = half.alg } = key;
    const isForSignatures = use === 'sig' && Array.isArray(uses) && uses.includes('verify');
    const isUsable = isForSignatures && alg === half.alg;
    return isUsable ? [{ ...half, ...(typeof kid === 'string' && { kid }) }] : [];
  });
};

/** The public half of a key alone, in one spelling; `undefined` if its kind is not allowed. */
const publicHalf = (jwk: object): JWK | undefined => {
  try {
    const key = createPublicKey({ key: jwk as JsonWebKey, format: 'jwk' });
    const alg = algorithmOf(key);
    return alg === undefined ? undefined : { ...(key.export({ format: 'jwk' }) as JWK), alg };
  } catch {
    return undefined;
  }
};

const algorithmOf = ({
  asymmetricKeyType: type,
  asymmetricKeyDetails: details,
}: KeyObject): string | undefined => {
  if (type === 'ed25519') return 'EdDSA';
  if (type === 'ec' && details?.namedCurve === 'prime256v1') return 'ES256';
  if (type === 'ec' && details?.namedCurve === 'secp384r1') return 'ES384';
  const isLong = (details?.modulusLength ?? 0) >= limits.rsaModulusBitsMin;
  return type === 'rsa' && isLong ? 'RS256' : undefined;
};
