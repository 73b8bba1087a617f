import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { jwtVerify } from 'jose';
import { discoveredKeys, localKeys, remoteKeys } from '../../../functions/http/key-sets.ts';
import { requestWith } from '../../support/events.ts';
import {
  createAuthenticate,
  ed25519,
  type Key,
  keySet,
  p256,
  p384,
  privateJwk,
  publicJwk,
  rsa,
  signToken,
} from '../../support/issuer.ts';
import { codeOf, refusalOf } from '../../support/refusals.ts';
import { startOfTime } from '../../support/virtual-clock.ts';

const issuer = 'https://issuer.test/realm';
const documentUrl = `${issuer}/.well-known/openid-configuration`;
const keysUrl = 'https://keys.test/set';
const audience = 'vault';
const key = ed25519();
const first = publicJwk(key, { kid: 'k1' });

let now: number;
beforeEach(() => {
  now = startOfTime;
});
afterEach(() => {
  jest.restoreAllMocks();
});

const tokenOf = (pair: Key, kid?: string) => {
  const exp = Math.floor(now / 1_000) + 60;
  const jti = randomUUID(); // Makes a new token each time, so that no verification is cached.
  const claims = { iss: issuer, aud: audience, exp, tenant: 'acme', sub: 'alice', jti };
  return signToken({ alg: 'EdDSA', kid }, claims, pair);
};

type Answer = () => Promise<Response>;
const answered =
  (text: string, status = 200): Answer =>
  async () =>
    new Response(text, { status });
const down: Answer = () => Promise.reject(new TypeError('fetch failed'));

const documentOf = (changed: object = {}) =>
  JSON.stringify({
    issuer,
    jwks_uri: keysUrl,
    token_endpoint: 'https://c4n4ry.test',
    ...changed,
  });

const sources = {
  remoteKeys: (fetchKeys: typeof fetch) => remoteKeys(keysUrl, fetchKeys, () => now),
  discoveredKeys: (fetchKeys: typeof fetch) => discoveredKeys(issuer, fetchKeys, () => now),
};

/** An issuer that gives these answers by address, and an authenticator that fetches its keys. */
const issuerOf = (source: keyof typeof sources, next = answered(keySet(first))) => {
  const answers = new Map([
    [documentUrl, answered(documentOf())],
    [keysUrl, next],
  ]);
  const fetchKeys = jest.fn((url: string, _init: RequestInit) =>
    (answers.get(url) ?? answered('', 404))(),
  );
  const keys = sources[source](fetchKeys as unknown as typeof fetch);
  const authenticate = createAuthenticate({ issuer, audience, keys });
  const send = (token: string) =>
    authenticate(requestWith({ Authorization: `Bearer ${token}` }), now);
  const ask = (pair = key, kid = 'k1') => send(tokenOf(pair, kid));
  const urls = () => fetchKeys.mock.calls.map(([url]) => url);
  const fetched = () => urls().filter((url) => url === keysUrl).length;
  const answer = (set: Answer) => answers.set(keysUrl, set);
  return { answers, answer, fetchKeys, urls, fetched, authenticate, send, ask };
};

/** A good set after a megabyte of spaces, without a Content-Length. */
const longStream = () =>
  ReadableStream.from([...Array(256).fill(' '.repeat(4_096)), keySet(first)]).pipeThrough(
    new TextEncoderStream(),
  );

const ec = (namedCurve: string) => generateKeyPairSync('ec', { namedCurve });
const unusable: readonly (readonly [string, () => unknown])[] = [
  ['a symmetric key', () => ({ kty: 'oct', k: 'aHVudGVyMg' })],
  ['a public key with a symmetric part', () => ({ ...publicJwk(ed25519()), k: 'aHVudGVyMg' })],
  ['a private Ed25519 key', () => privateJwk(ed25519())],
  ['a private P-256 key', () => privateJwk(p256())],
  ['a private RSA key', () => privateJwk(rsa())],
  ['an RSA key of 1024 bits', () => publicJwk(rsa(1024))],
  ['an RSA key of 2047 bits', () => publicJwk(rsa(2047))],
  ['a P-521 key', () => publicJwk(ec('P-521'))],
  ['a secp256k1 key', () => publicJwk(ec('secp256k1'))],
  ['an Ed448 key', () => publicJwk(generateKeyPairSync('ed448'))],
  ['an X25519 key', () => publicJwk(generateKeyPairSync('x25519'))],
  ['a key of an unknown curve', () => ({ kty: 'OKP', crv: 'Ed25520', x: 'AAAA' })],
  ['a key of an unknown kind', () => ({ kty: 'AKP', alg: 'ML-DSA-44', pub: 'AAAA' })],
  ['a key without a kind', () => ({ kid: 'k1' })],
  ['an empty key', () => ({})],
  ['a key for encryption', () => publicJwk(ed25519(), { use: 'enc' })],
  ['an RSA key for encryption', () => publicJwk(rsa(), { use: 'enc' })],
  ['a key that may not verify', () => publicJwk(ed25519(), { key_ops: ['encrypt'] })],
  ['a key whose operations are a string', () => publicJwk(ed25519(), { key_ops: 'verify' })],
  ['an RSA key for another algorithm', () => publicJwk(rsa(), { alg: 'RS512' })],
  ['a point that is not on its curve', () => ({ ...publicJwk(p256()), y: 'AAAA' })],
  ['null in place of a key', () => null],
  ['a string in place of a key', () => 'key'],
];

describe('localKeys', () => {
  it('accepts public keys of Ed25519, P-256, P-384 and RSA with 2048 bits', async () => {
    const pairs = { EdDSA: key, ES256: p256(), ES384: p384(), RS256: rsa(2048) };
    const keys = localKeys(keySet(...Object.values(pairs).map((pair) => publicJwk(pair))));
    for (const [alg, pair] of Object.entries(pairs)) {
      const token = signToken({ alg }, {}, pair);
      expect((await jwtVerify(token, keys)).protectedHeader).toEqual({ alg });
    }
  });

  it.each([
    { use: 'sig' },
    { key_ops: ['sign', 'verify'] },
    { alg: 'EdDSA' },
    { ext: 1, x5c: 'c' },
  ])('accepts a key with %j', async (properties) => {
    const keys = localKeys(keySet({ ...first, ...properties }));
    const token = signToken({ alg: 'EdDSA', kid: 'k1' }, {}, key);
    await expect(jwtVerify(token, keys)).resolves.toBeDefined();
  });

  it.each(unusable)('rejects a set with %s, alone or after a usable key', (_, made) => {
    expect(() => localKeys(keySet(made()))).toThrow(/^the key set /);
    expect(() => localKeys(keySet(first, made()))).toThrow(/^the key set /);
  });

  it.each<[string, string]>([
    ['a private key after its public half', keySet(first, privateJwk(key))],
    ['an empty list of keys', keySet()],
    ['keys that are not a list', '{"keys":{}}'],
    ['a set without the property keys', JSON.stringify(first)],
    ['a bare list', JSON.stringify([first])],
    ['null', 'null'],
    ['an empty text', ''],
  ])('rejects %s with a message about the key set', (_, jwks) => {
    expect(() => localKeys(jwks)).toThrow(/^the key set /);
  });

  it('never quotes an invalid key set, because it may hold a private key', () => {
    for (const jwks of ['{"keys":[{"d":"c4n4ry"', '{"keys":[c4n4ry]}', 'c4n4ry']) {
      const message = expect.not.stringContaining('c4n4ry');
      expect(() => localKeys(jwks)).toThrow(expect.objectContaining({ message }));
    }
  });
});

describe.each(['remoteKeys', 'discoveredKeys'] as const)('the key source %s', (source) => {
  it('fetches on first use, once for all waiting requests', async () => {
    const { fetchKeys, fetched, ask } = issuerOf(source);
    expect(fetchKeys).not.toHaveBeenCalled();
    const principals = await Promise.all([ask(), ask(), ask()]);
    expect(principals.map(({ subject }) => subject)).toEqual(['alice', 'alice', 'alice']);
    expect(fetched()).toBe(1);
  });

  it('follows no redirects, and has 2 s for all fetches of one set together', async () => {
    const timeout = jest.spyOn(AbortSignal, 'timeout');
    const { fetchKeys, urls, ask } = issuerOf(source);
    await ask();
    expect(timeout.mock.calls).toEqual([[2_000]]);
    const signal = timeout.mock.results[0]?.value;
    for (const [, init] of fetchKeys.mock.calls) {
      expect(init).toMatchObject({ redirect: 'error', signal });
    }
    expect(urls()).toEqual(source === 'remoteKeys' ? [keysUrl] : [documentUrl, keysUrl]);
  });

  it('caches the set for 10 minutes', async () => {
    const { fetched, ask } = issuerOf(source);
    await ask();
    now += 599_999;
    await ask();
    expect(fetched()).toBe(1);
    now += 1;
    await ask();
    expect(fetched()).toBe(2);
  });

  it('fetches again for an unknown key only when the last fetch was at least 30 s ago', async () => {
    const { answer, fetched, ask } = issuerOf(source);
    await ask();
    const next = ed25519();
    answer(answered(keySet(first, publicJwk(next, { kid: 'k2' }))));
    now += 29_999;
    expect(await codeOf(() => ask(next, 'k2'))).toBe('unauthenticated');
    expect(fetched()).toBe(1);
    now += 1;
    expect((await ask(next, 'k2')).subject).toBe('alice');
    expect(fetched()).toBe(2);
    expect((await ask()).subject).toBe('alice');
  });

  it.each([
    ['unauthenticated', 'answers', answered(keySet(first))],
    ['identity_unavailable', 'is down', down],
  ])(
    'fetches only once in 30 s for tokens with made-up keys, and answers %s if the issuer %s',
    async (code, _, next) => {
      const { answers, answer, fetchKeys, ask } = issuerOf(source);
      await ask();
      if (next === down) answers.set(documentUrl, down);
      answer(next);
      fetchKeys.mockClear();
      now += 30_000;
      for (let i = 0; i < 20; i++) {
        expect(await codeOf(() => ask(ed25519(), `made-up-${i}`))).toBe(code);
      }
      expect(fetchKeys).toHaveBeenCalledTimes(source === 'remoteKeys' || next === down ? 1 : 2);
      expect((await ask()).subject).toBe('alice');
    },
  );

  it.each(unusable)('ignores %s, and uses the other keys of the set', async (_, made) => {
    const { ask } = issuerOf(source, answered(keySet(made(), first)));
    expect((await ask()).subject).toBe('alice');
  });

  it('skips a private key, and its public half, and uses the other keys', async () => {
    const leaked = ed25519();
    const half = publicJwk(leaked, { kid: 'k2' });
    const withPrivate = (kid: string) => ({ ...privateJwk(leaked), kid });
    for (const set of [[withPrivate('k2')], [half, withPrivate('k3')]]) {
      const { ask } = issuerOf(source, answered(keySet(...set, first)));
      expect((await ask()).subject).toBe('alice');
      expect(await codeOf(() => ask(leaked, 'k2'))).toBe('unauthenticated');
      expect(await codeOf(() => ask(leaked, 'k3'))).toBe('unauthenticated');
    }
  });

  it('accepts a set of 64 KiB', async () => {
    const { ask } = issuerOf(source, answered(keySet(first).padEnd(65_536)));
    expect((await ask()).subject).toBe('alice');
  });

  it.each<[string, Answer]>([
    ['cannot be reached', down],
    ['does not answer in time', () => Promise.reject(new DOMException('', 'TimeoutError'))],
    ['answers 500', answered(keySet(first), 500)],
    ['answers 404', answered(keySet(first), 404)],
    ['answers 204', async () => new Response(null, { status: 204 })],
    ['answers with a redirect', answered(keySet(first), 302)],
    ['answers with something other than JSON', answered('<html>')],
    ['answers with no keys', answered(keySet())],
    ['answers with a key and its private half', answered(keySet(first, privateJwk(key)))],
    ['answers with a short RSA key only', answered(keySet(publicJwk(rsa(1024))))],
    ['answers with more than 64 KiB', answered(keySet(first).padEnd(65_537))],
    ['answers a megabyte of unknown length', async () => new Response(longStream())],
  ])(
    'answers identity_unavailable on first use, and when its keys are too old, if the issuer %s',
    async (_, next) => {
      const { answer, ask } = issuerOf(source, next);
      for (const wait of [0, 600_000]) {
        now += wait;
        answer(next);
        expect(await codeOf(ask)).toBe('identity_unavailable');
        answer(answered(keySet(first)));
        now += 1_000;
        expect((await ask()).subject).toBe('alice');
      }
    },
  );

  const waits = [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000];
  it.each([
    ['were never fetched', undefined],
    ['are fresh', 30_000],
    ['are too old', 600_000],
  ])('waits 1, 2, 4 … 30 s between failed fetches if its keys %s', async (_, age) => {
    const { answer, fetched, ask } = issuerOf(source);
    if (age !== undefined) await ask();
    now += age ?? 0;
    answer(answered('', 500));
    const before = fetched();
    const askOften = async () => {
      for (let i = 0; i < 20; i++) {
        expect(await codeOf(() => ask(ed25519(), 'made-up'))).toBe('identity_unavailable');
      }
    };
    await askOften();
    for (const [index, wait] of waits.entries()) {
      now += wait - 1;
      await askOften();
      expect(fetched() - before).toBe(index + 1);
      now += 1;
      await askOften();
      expect(fetched() - before).toBe(index + 2);
    }
  });

  it('fetches once for many requests that need a set at once, even if the fetch fails', async () => {
    const { answer, fetched, ask } = issuerOf(source, answered('', 500));
    const askOften = () => Promise.allSettled(Array.from({ length: 20 }, () => ask()));
    await askOften();
    expect(fetched()).toBe(1);
    answer(answered(keySet(first)));
    now += 1_000;
    const settled = await askOften();
    expect(settled.map(({ status }) => status)).toEqual(Array(20).fill('fulfilled'));
    expect(fetched()).toBe(2);
  });

  it('waits only 1 s after a failed fetch if the fetch before it succeeded', async () => {
    const { answer, fetched, ask } = issuerOf(source, answered('', 500));
    for (const wait of [1_000, 2_000]) {
      expect(await codeOf(ask)).toBe('identity_unavailable');
      now += wait;
    }
    answer(answered(keySet(first)));
    await ask();
    answer(answered('', 500));
    now += 600_000;
    expect(await codeOf(ask)).toBe('identity_unavailable');
    now += 1_000;
    expect(await codeOf(ask)).toBe('identity_unavailable');
    expect(fetched()).toBe(5);
  });

  it('fetches again when the clock was set back to before the last fetch', async () => {
    const { answer, fetched, ask } = issuerOf(source);
    await ask();
    now -= 3_600_000;
    answer(answered('', 500));
    expect(await codeOf(ask)).toBe('identity_unavailable');
    now -= 3_600_000;
    answer(answered(keySet(first)));
    await ask();
    expect(fetched()).toBe(3);
  });

  it('does not fetch again for a token without a key id if several keys fit', async () => {
    const two = keySet(first, publicJwk(ed25519(), { kid: 'k2' }));
    const { fetched, send } = issuerOf(source, answered(two));
    expect(await codeOf(() => send(tokenOf(key)))).toBe('unauthenticated');
    now += 30_000;
    expect(await codeOf(() => send(tokenOf(key)))).toBe('unauthenticated');
    expect(fetched()).toBe(1);
  });

  it('fetches once for two requests with the same new key', async () => {
    const { answer, fetched, ask } = issuerOf(source);
    await ask();
    const next = ed25519();
    answer(answered(keySet(first, publicJwk(next, { kid: 'k2' }))));
    now += 30_000;
    await Promise.all([ask(next, 'k2'), ask(next, 'k2'), ask()]);
    expect(fetched()).toBe(2);
  });

  it('fetches no keys for a request without a token', async () => {
    const { fetchKeys, authenticate } = issuerOf(source);
    expect(await codeOf(() => authenticate(requestWith({}), now))).toBe('unauthenticated');
    expect(fetchKeys).not.toHaveBeenCalled();
  });
});

describe('the discovery of a key set', () => {
  const unread = { payload: '', signature: '' };

  it('is repeated for each fetch, so a new address is noticed', async () => {
    const { answers, urls, ask } = issuerOf('discoveredKeys');
    await ask();
    const [next, nextUrl] = [ed25519(), 'https://keys.test/next'];
    answers.set(documentUrl, answered(documentOf({ jwks_uri: nextUrl })));
    answers.set(nextUrl, answered(keySet(publicJwk(next, { kid: 'k2' }))));
    now += 600_000;
    expect((await ask(next, 'k2')).subject).toBe('alice');
    expect(urls().slice(2)).toEqual([documentUrl, nextUrl]);
  });

  it.each<[string, Readonly<Record<string, string>>]>([
    ['names another issuer', { [documentUrl]: documentOf({ issuer: 'https://c4n4ry.test' }) }],
    ['names the issuer with a slash', { [documentUrl]: documentOf({ issuer: `${issuer}/` }) }],
    ['names no issuer', { [documentUrl]: documentOf({ issuer: undefined }) }],
    ['names no keys', { [documentUrl]: documentOf({ jwks_uri: undefined }) }],
    ['names keys over HTTP', { [documentUrl]: documentOf({ jwks_uri: 'http://c4n4ry.test' }) }],
    ['names an invalid address', { [documentUrl]: documentOf({ jwks_uri: 'https://c4n4ry:x' }) }],
    ['names a list of keys', { [documentUrl]: documentOf({ jwks_uri: [keysUrl] }) }],
    ['names an address without keys', { [documentUrl]: documentOf({ jwks_uri: documentUrl }) }],
    ['is not JSON', { [documentUrl]: 'c4n4ry' }],
    ['is a list', { [documentUrl]: `[${documentOf()}]` }],
    ['is null', { [documentUrl]: 'null' }],
    ['is larger than 64 KiB', { [documentUrl]: documentOf().padEnd(65_537) }],
    ['is good, but the keys are too large', { [keysUrl]: keySet().padEnd(65_537) }],
    ['is good, but the keys are not usable', { [keysUrl]: keySet({ kty: 'c4n4ry' }) }],
  ])('fails without quoting the reply if the document %s', async (_, changed) => {
    const { answers, ask } = issuerOf('discoveredKeys');
    answers.set('http://c4n4ry.test', answered(keySet(publicJwk(key))));
    for (const [url, text] of Object.entries(changed)) answers.set(url, answered(text));
    const { code, cause } = await refusalOf(ask);
    expect(code).toBe('identity_unavailable');
    expect(String(cause)).not.toContain('c4n4ry');
  });

  it('leaves out the last slash of the issuer when it appends the path of the document', async () => {
    const fetchKeys = jest.fn(async (_url: string) => new Response('', { status: 404 }));
    const keys = discoveredKeys('https://issuer.test/', fetchKeys);
    await expect(async () => keys({ alg: 'EdDSA' }, unread)).rejects.toThrow();
    const url = 'https://issuer.test/.well-known/openid-configuration';
    expect(fetchKeys.mock.calls[0]?.[0]).toBe(url);
  });

  it.each([
    'http://issuer.test',
    'issuer.test',
    'https://',
    'https://a.test?b',
    'https://a.test#b',
  ])('rejects the issuer %s', (name) => {
    expect(() => discoveredKeys(name)).toThrow(/^an issuer with discovery must be an https/);
  });

  it('rejects addresses of this machine', async () => {
    const keys = discoveredKeys('https://127.0.0.1');
    await expect(async () => keys({ alg: 'EdDSA' }, unread)).rejects.toThrow('not public');
  });
});
