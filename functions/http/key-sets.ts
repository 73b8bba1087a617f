/**
 * An issuer's public keys: given in the configuration, fetched from an HTTPS address, or found by
 * OpenID discovery.
 */
import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import { createLocalJWKSet, errors, type JWK, type JWTVerifyGetKey } from 'jose';
import { isPrivateKey } from '../access/policy-types.ts';
import { limits, times } from '../model/limits.ts';
import { fetchPublic } from './public-fetch.ts';

type Fetch = (url: string, init: RequestInit) => Promise<Response>;
type Now = () => number;

/**
 * Returns the keys of a set that the vault's configuration contains, as JSON. Throws a user-facing
 * error if the set contains anything but usable public keys, because then the configuration is
 * wrong.
 */
export const localKeys = (jwks: string): JWTVerifyGetKey => {
  const keys = listOfKeys(jwks);
  const usable = usableKeys(keys);
  if (usable.length < keys.length) {
    throw new Error(
      'the key set may contain only public keys, for EdDSA (Ed25519), ES256, ES384 or RS256 (2048 bits or more)',
    );
  }
  return createLocalJWKSet({ keys: usable });
};

/**
 * Returns the keys at an HTTPS address. They are fetched when first needed, and cached. Keys that
 * the vault cannot use are skipped, because an issuer may publish keys for other verifiers too.
 *
 * A caller without a valid token must not be able to cause a fetch with every request, by naming
 * this issuer or made-up keys. So an unknown key id causes at most one fetch in 30 s. After a
 * failed fetch the next one waits 1, 2, 4 … 30 s, and requests that need it fail until then.
 */
export const remoteKeys = (
  url: string,
  fetchKeys: Fetch = fetch,
  now: Now = Date.now,
): JWTVerifyGetKey => cachedKeys(fetchKeys, now, (read) => read(url));

/**
 * Returns the keys that an issuer's discovery document points to (OpenID Connect Discovery 1.0,
 * section 4). Every fetch reads the document again. The rules of `remoteKeys` apply. Throws a
 * user-facing error if the issuer is not an HTTPS address.
 */
export const discoveredKeys = (
  issuer: string,
  fetchKeys: Fetch = fetchPublic,
  now: Now = Date.now,
): JWTVerifyGetKey => {
  if (!/^https:\/\/[^?#]+$/.test(issuer)) {
    throw new Error('an issuer with discovery must be an https:// URL without a query or fragment');
  }
  const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  return cachedKeys(fetchKeys, now, async (read) => {
    const document = parseObject(await read(url), 'the discovery document');
    const { issuer: named, jwks_uri: keysUrl } = document;
    if (named !== issuer) throw new Error('the discovery document names another issuer');
    if (typeof keysUrl !== 'string' || !keysUrl.startsWith('https://')) {
      throw new Error('the discovery document has no https:// jwks_uri');
    }
    return read(keysUrl);
  });
};

/**
 * Returns the text of the reply from an address. The requests for one key set share one timeout.
 */
type TextReader = (url: string) => Promise<string>;

const cachedKeys = (
  fetchKeys: Fetch,
  now: Now,
  findSet: (read: TextReader) => Promise<string>,
): JWTVerifyGetKey => {
  /**
   * Whether the instant `at` is less than `ms` ago. If the clock was set back and `at` lies ahead,
   * the answer is no, so that neither a cached set nor a wait lasts longer because of it.
   */
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
      throw new Error('the last fetch of the key set failed a moment ago');
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

/**
 * Counts the bytes while reading, because a reply need not announce its size and may be compressed.
 */
const textOf = async ({ status, body }: Response): Promise<string> => {
  if (status !== 200) throw new Error('the issuer did not answer with status 200');
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > limits.keySetBytesMax) throw new Error("the issuer's reply is too large");
    chunks.push(chunk);
  }
  return new TextDecoder().decode(Buffer.concat(chunks));
};

const listOfKeys = (text: string): readonly unknown[] => {
  const { keys } = parseObject(text, 'the key set');
  if (!Array.isArray(keys) || keys.length === 0) throw new Error('the key set holds no keys');
  return keys;
};

/**
 * Hides the parser's own message, which would quote the text. A private key may be in it by
 * mistake.
 */
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
 * The public keys for signatures with an allowed algorithm. Each is reduced to its public half, its
 * id and its algorithm. If a key's private half is in the set as well, neither half is used: that
 * key is no longer private.
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

/** The public half of a key in one canonical form; `undefined` if its type is not allowed. */
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
