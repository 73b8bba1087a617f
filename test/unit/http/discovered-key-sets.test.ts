import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { discoveredKeys } from '../../../functions/http/key-sets.ts';
import { requestWith } from '../../support/events.ts';
import { createAuthenticate, ed25519, keySet, publicJwk, signToken } from '../../support/issuer.ts';
import { codeOf, refusalOf } from '../../support/refusals.ts';
import { startOfTime } from '../../support/virtual-clock.ts';

const issuer = 'https://issuer.test/realm';
const documentUrl = `${issuer}/.well-known/openid-configuration`;
const keysUrl = 'https://keys.test/set';
const audience = 'vault';
const key = ed25519();
const unread = { payload: '', signature: '' };

describe('discovered keys', () => {
  let now: number;
  beforeEach(() => {
    now = startOfTime;
  });
  afterEach(() => {
    jest.restoreAllMocks();
  });

  const documentOf = (changed: object = {}) =>
    JSON.stringify({
      issuer,
      jwks_uri: keysUrl,
      token_endpoint: 'https://c4n4ry.test',
      ...changed,
    });

  /** An issuer with these replies by address, and an authentication that asks it. */
  const discovered = (changed: Readonly<Record<string, string>> = {}) => {
    const replies = new Map(
      Object.entries({
        [documentUrl]: documentOf(),
        [keysUrl]: keySet(publicJwk(key, { kid: 'k1' })),
        ...changed,
      }),
    );
    const fetchKeys = jest.fn(async (url: string, _init: RequestInit) => {
      const text = replies.get(url);
      return new Response(text, { status: text === undefined ? 404 : 200 });
    });
    const keys = discoveredKeys(issuer, fetchKeys, () => now);
    const authenticate = createAuthenticate({ issuer, audience, keys });
    const ask = (pair = key, kid = 'k1') => {
      const exp = Math.floor(now / 1_000) + 60;
      const jti = randomUUID(); // Each token is new, so its verification is not cached.
      const claims = { iss: issuer, aud: audience, exp, tenant: 'acme', sub: 'alice', jti };
      const token = signToken({ alg: 'EdDSA', kid }, claims, pair);
      return authenticate(requestWith({ Authorization: `Bearer ${token}` }), now);
    };
    const urls = () => fetchKeys.mock.calls.map(([url]) => url);
    return { replies, fetchKeys, urls, ask };
  };

  it('come from the address that the discovery document names', async () => {
    const { urls, ask } = discovered();
    const principals = await Promise.all([ask(), ask()]);
    expect(principals.map(({ subject }) => subject)).toEqual(['alice', 'alice']);
    expect(urls()).toEqual([documentUrl, keysUrl]);
  });

  it('arrive without redirects, within 2 s in all', async () => {
    const timeout = jest.spyOn(AbortSignal, 'timeout');
    const { fetchKeys, ask } = discovered();
    await ask();
    expect(timeout.mock.calls).toEqual([[2_000]]);
    const signal = timeout.mock.results[0]?.value;
    for (const [, init] of fetchKeys.mock.calls) {
      expect(init).toMatchObject({ redirect: 'error', signal });
    }
  });

  it('expire after 10 minutes, and are then discovered again, also at a new address', async () => {
    const { replies, urls, ask } = discovered();
    await ask();
    const [next, nextUrl] = [ed25519(), 'https://keys.test/next'];
    replies.set(documentUrl, documentOf({ jwks_uri: nextUrl }));
    replies.set(nextUrl, keySet(publicJwk(next, { kid: 'k2' })));
    now += 599_999;
    await ask();
    expect(urls()).toHaveLength(2);
    now += 1;
    expect((await ask(next, 'k2')).subject).toBe('alice');
    expect(urls().slice(2)).toEqual([documentUrl, nextUrl]);
  });

  it('cause one discovery in 30 s for made-up keys', async () => {
    const { replies, urls, ask } = discovered();
    await ask();
    replies.delete(documentUrl);
    now += 30_000;
    for (const kid of ['a', 'b', 'c']) {
      expect(await codeOf(() => ask(ed25519(), kid))).toBe('identity_unavailable');
    }
    expect(urls().slice(2)).toEqual([documentUrl]);
    expect((await ask()).subject).toBe('alice');
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
  ])('are unavailable if the document %s, and no error quotes the reply', async (_, changed) => {
    const { ask } = discovered({ ...changed, 'http://c4n4ry.test': keySet(publicJwk(key)) });
    const { code, cause } = await refusalOf(ask);
    expect(code).toBe('identity_unavailable');
    expect(String(cause)).not.toContain('c4n4ry');
  });

  it('need the document of the issuer without its last slash', async () => {
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
  ])('cannot belong to the issuer %s', (name) => {
    expect(() => discoveredKeys(name)).toThrow(/^a discovered issuer must begin with https/);
  });

  it('never come from the own machine', async () => {
    const keys = discoveredKeys('https://127.0.0.1');
    await expect(async () => keys({ alg: 'EdDSA' }, unread)).rejects.toThrow('not public');
  });
});
