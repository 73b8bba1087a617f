import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { remoteKeys } from '../../../functions/http/key-sets.ts';
import { requestWith } from '../../support/events.ts';
import {
  createAuthenticate,
  ed25519,
  type Key,
  keySet,
  privateJwk,
  publicJwk,
  rsa,
  signToken,
} from '../../support/issuer.ts';
import { codeOf } from '../../support/refusals.ts';
import { startOfTime } from '../../support/virtual-clock.ts';

const issuer = 'https://issuer.test/';
const audience = 'vault';
const url = 'https://issuer.test/jwks';
const key = ed25519();
const first = publicJwk(key, { kid: 'k1' });

/** Spaces without an end, and without a Content-Length. */
const endless = () =>
  new ReadableStream({ pull: (body) => body.enqueue(new TextEncoder().encode(' '.repeat(4_096))) });

describe('a remote key set', () => {
  let now: number;
  beforeEach(() => {
    now = startOfTime;
  });
  afterEach(() => {
    jest.restoreAllMocks();
  });

  const tokenOf = (pair: Key, kid?: string) => {
    const exp = Math.floor(now / 1000) + 60;
    // Each token is new, so its verification is not cached.
    const jti = randomUUID();
    const claims = { iss: issuer, aud: audience, exp, tenant: 'acme', sub: 'alice', jti };
    return signToken({ alg: 'EdDSA', kid }, claims, pair);
  };
  const answered =
    (text: string, status = 200) =>
    async () =>
      new Response(text, { status });

  /** An issuer that answers with `answer.next`, and an authentication that asks it. */
  const remote = (next: () => Promise<Response> = answered(keySet(first))) => {
    const answer = { next };
    const fetchKeys = jest.fn((_url: string, _init: RequestInit) => answer.next());
    const keys = remoteKeys(url, fetchKeys, () => now);
    const authenticate = createAuthenticate({ issuer, audience, keys });
    const send = (token: string) =>
      authenticate(requestWith({ Authorization: `Bearer ${token}` }), now);
    const ask = (pair = key, kid = 'k1') => send(tokenOf(pair, kid));
    return { answer, fetchKeys, authenticate, send, ask };
  };

  it('loads on first use, once for all waiting requests', async () => {
    const { fetchKeys, ask } = remote();
    expect(fetchKeys).not.toHaveBeenCalled();
    const principals = await Promise.all([ask(), ask(), ask()]);
    expect(principals.map(({ subject }) => subject)).toEqual(['alice', 'alice', 'alice']);
    expect(fetchKeys).toHaveBeenCalledTimes(1);
  });

  it('loads without redirects, within 2 s', async () => {
    const timeout = jest.spyOn(AbortSignal, 'timeout');
    const { fetchKeys, ask } = remote();
    await ask();
    const [address, init] = fetchKeys.mock.calls[0] ?? [];
    expect(address).toBe(url);
    expect(init?.redirect).toBe('error');
    expect(timeout.mock.calls).toEqual([[2_000]]);
    expect(init?.signal).toBe(timeout.mock.results[0]?.value);
  });

  it('stays cached for 10 minutes and then loads again', async () => {
    const { fetchKeys, ask } = remote();
    await ask();
    now += 599_999;
    await ask();
    expect(fetchKeys).toHaveBeenCalledTimes(1);
    now += 1;
    await ask();
    expect(fetchKeys).toHaveBeenCalledTimes(2);
  });

  it('loads again for an unknown key only after 30 s', async () => {
    const { answer, fetchKeys, ask } = remote();
    await ask();
    const next = ed25519();
    answer.next = answered(keySet(first, publicJwk(next, { kid: 'k2' })));
    now += 29_999;
    expect(await codeOf(() => ask(next, 'k2'))).toBe('unauthenticated');
    expect(fetchKeys).toHaveBeenCalledTimes(1);
    now += 1;
    expect((await ask(next, 'k2')).subject).toBe('alice');
    expect(fetchKeys).toHaveBeenCalledTimes(2);
    expect((await ask()).subject).toBe('alice');
  });

  it.each([
    ['unauthenticated', 'answers', answered(keySet(first))],
    ['identity_unavailable', 'is down', () => Promise.reject(new TypeError('fetch failed'))],
  ])(
    'loads once in 30 s for made-up keys, and gives %s if the issuer %s',
    async (code, _, next) => {
      const { answer, fetchKeys, ask } = remote();
      await ask();
      answer.next = next;
      now += 30_000;
      for (let i = 0; i < 20; i++) {
        expect(await codeOf(() => ask(ed25519(), `made-up-${i}`))).toBe(code);
      }
      expect(fetchKeys).toHaveBeenCalledTimes(2);
      expect((await ask()).subject).toBe('alice');
    },
  );

  const failures: readonly [string, () => Promise<Response>][] = [
    ['cannot be reached', () => Promise.reject(new TypeError('fetch failed'))],
    ['does not answer in time', () => Promise.reject(new DOMException('', 'TimeoutError'))],
    ['answers 500', answered(keySet(first), 500)],
    ['answers 404', answered(keySet(first), 404)],
    ['answers 204', async () => new Response(null, { status: 204 })],
    ['answers with a redirect', answered(keySet(first), 302)],
    ['answers with no JSON', answered('<html>')],
    ['answers with no keys', answered(keySet())],
    ['answers with a key and its private half', answered(keySet(first, privateJwk(key)))],
    ['answers with a short RSA key only', answered(keySet(publicJwk(rsa(1024))))],
    ['answers with more than 64 KiB', answered(keySet(first).padEnd(65_537))],
    ['answers without an end', async () => new Response(endless())],
  ];

  const ec = (namedCurve: string) => publicJwk(generateKeyPairSync('ec', { namedCurve }));
  it.each<[string, unknown]>([
    ['a symmetric key', { kty: 'oct', k: 'aHVudGVyMg' }],
    ['a key for encryption', publicJwk(rsa(), { use: 'enc' })],
    ['a key for another algorithm', publicJwk(rsa(), { alg: 'RS512' })],
    ['a short RSA key', publicJwk(rsa(1024))],
    ['a secp256k1 key', ec('secp256k1')],
    ['a key of an unknown curve', { kty: 'OKP', crv: 'Ed25520', x: 'AAAA' }],
    ['a key of an unknown kind', { kty: 'AKP', alg: 'ML-DSA-44', pub: 'AAAA' }],
    ['a point that is not on its curve', { ...ec('P-256'), y: 'AAAA' }],
    ['an empty key', {}],
    ['null', null],
    ['a text', 'key'],
  ])('skips %s and uses the other keys', async (_, skipped) => {
    const { ask } = remote(answered(keySet(skipped, first)));
    expect((await ask()).subject).toBe('alice');
  });

  it('skips a private key, and its public half, and uses the other keys', async () => {
    const leaked = ed25519();
    const half = publicJwk(leaked, { kid: 'k2' });
    const withPrivate = (kid: string) => ({ ...privateJwk(leaked), kid });
    for (const set of [[withPrivate('k2')], [half, withPrivate('k3')]]) {
      const { ask } = remote(answered(keySet(...set, first)));
      expect((await ask()).subject).toBe('alice');
      expect(await codeOf(() => ask(leaked, 'k2'))).toBe('unauthenticated');
      expect(await codeOf(() => ask(leaked, 'k3'))).toBe('unauthenticated');
    }
  });

  it('loads if it has 64 KiB', async () => {
    const { ask } = remote(answered(keySet(first).padEnd(65_536)));
    expect((await ask()).subject).toBe('alice');
  });

  it.each(failures)('gives identity_unavailable on first use if the issuer %s', async (_, next) => {
    const { answer, ask } = remote(next);
    expect(await codeOf(ask)).toBe('identity_unavailable');
    answer.next = answered(keySet(first));
    now += 1_000;
    expect((await ask()).subject).toBe('alice');
  });

  it.each(failures)(
    'gives identity_unavailable once the cached keys are too old, if the issuer %s',
    async (_, next) => {
      const { answer, ask } = remote();
      await ask();
      answer.next = next;
      now += 600_000;
      expect(await codeOf(ask)).toBe('identity_unavailable');
      answer.next = answered(keySet(first));
      now += 1_000;
      expect((await ask()).subject).toBe('alice');
    },
  );

  const waits = [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000];
  it.each([
    ['were never fetched', undefined],
    ['are fresh', 30_000],
    ['are too old', 600_000],
  ])('waits 1, 2, 4 … 30 s between failed fetches if its keys %s', async (_, age) => {
    const { answer, fetchKeys, ask } = remote();
    const down = answered('', 500);
    if (age === undefined) answer.next = down;
    else await ask();
    now += age ?? 0;
    answer.next = down;
    fetchKeys.mockClear();
    const askOften = async () => {
      for (let i = 0; i < 20; i++) {
        expect(await codeOf(() => ask(ed25519(), 'made-up'))).toBe('identity_unavailable');
      }
    };
    await askOften();
    for (const [index, wait] of waits.entries()) {
      now += wait - 1;
      await askOften();
      expect(fetchKeys).toHaveBeenCalledTimes(index + 1);
      now += 1;
      await askOften();
      expect(fetchKeys).toHaveBeenCalledTimes(index + 2);
    }
  });

  it('is fetched once for many requests that need it at once, also if that fails', async () => {
    const { answer, fetchKeys, ask } = remote(answered('', 500));
    const askOften = () => Promise.allSettled(Array.from({ length: 20 }, () => ask()));
    await askOften();
    expect(fetchKeys).toHaveBeenCalledTimes(1);
    answer.next = answered(keySet(first));
    now += 1_000;
    const settled = await askOften();
    expect(settled.map(({ status }) => status)).toEqual(Array(20).fill('fulfilled'));
    expect(fetchKeys).toHaveBeenCalledTimes(2);
  });

  it('waits 1 s again after a failed fetch that follows a good one', async () => {
    const { answer, fetchKeys, ask } = remote(answered('', 500));
    for (const wait of [1_000, 2_000]) {
      expect(await codeOf(ask)).toBe('identity_unavailable');
      now += wait;
    }
    answer.next = answered(keySet(first));
    await ask();
    answer.next = answered('', 500);
    now += 600_000;
    expect(await codeOf(ask)).toBe('identity_unavailable');
    now += 1_000;
    expect(await codeOf(ask)).toBe('identity_unavailable');
    expect(fetchKeys).toHaveBeenCalledTimes(5);
  });

  it('is fetched again when the clock was set back behind its last fetch', async () => {
    const { answer, fetchKeys, ask } = remote();
    await ask();
    now -= 3_600_000;
    answer.next = answered('', 500);
    expect(await codeOf(ask)).toBe('identity_unavailable');
    now -= 3_600_000;
    answer.next = answered(keySet(first));
    await ask();
    expect(fetchKeys).toHaveBeenCalledTimes(3);
  });

  it('is not fetched again for a token without a key id that several keys fit', async () => {
    const two = keySet(first, publicJwk(ed25519(), { kid: 'k2' }));
    const { fetchKeys, send } = remote(answered(two));
    expect(await codeOf(() => send(tokenOf(key)))).toBe('unauthenticated');
    now += 30_000;
    expect(await codeOf(() => send(tokenOf(key)))).toBe('unauthenticated');
    expect(fetchKeys).toHaveBeenCalledTimes(1);
  });

  it('is fetched once for two requests with the same new key', async () => {
    const { answer, fetchKeys, ask } = remote();
    await ask();
    const next = ed25519();
    answer.next = answered(keySet(first, publicJwk(next, { kid: 'k2' })));
    now += 30_000;
    await Promise.all([ask(next, 'k2'), ask(next, 'k2'), ask()]);
    expect(fetchKeys).toHaveBeenCalledTimes(2);
  });

  it('stays unused for a request without a token', async () => {
    const { fetchKeys, authenticate } = remote();
    expect(await codeOf(() => authenticate(requestWith({}), now))).toBe('unauthenticated');
    expect(fetchKeys).not.toHaveBeenCalled();
  });
});
