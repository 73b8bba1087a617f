/** An identity accepts callers by the policy, or the issuer, that it was last told to use. */
import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { issuerIn } from '../../../functions/access/issuer-variables.ts';
import type { AccessPolicy } from '../../../functions/access/policy-types.ts';
import { createIdentity, type Identity } from '../../../functions/http/identity.ts';
import { requestWith } from '../../support/events.ts';
import { ed25519, keySet, p384, privateJwk, publicJwk, signToken } from '../../support/issuer.ts';
import { startOfTime, virtualClock } from '../../support/virtual-clock.ts';

const key = ed25519();
const claims = {
  iss: 'https://127.0.0.1',
  aud: 'vault',
  exp: Math.floor(startOfTime / 1_000) + 600,
  tenant: 'acme',
  sub: 'alice',
};
const own = {
  issuer: claims.iss,
  audiences: ['vault'],
  algorithms: ['EdDSA'],
  vaultClaims: true,
} as const;
const inline = { jwks: { keys: [publicJwk(key)] } };
const unusable = { jwks: { keys: [privateJwk(key)] } };
const byAddress = { jwksUrl: 'https://127.0.0.1/keys' };
type Keys = typeof inline | typeof byAddress | { readonly discovery: true };
const policyWith = (id: string, keys: Keys): AccessPolicy => ({
  issuers: [{ id, ...own, ...keys }],
});
const issuerWith = (jwks: string) =>
  issuerIn({ AUTH_ISSUER: claims.iss, AUTH_AUDIENCE: 'vault', AUTH_JWKS: jwks });
const variables = issuerWith(keySet(publicJwk(key)));

const send = ({ authenticate }: Identity, changed: object = {}, token?: string) => {
  const signed = token ?? signToken({ alg: 'EdDSA' }, { ...claims, ...changed }, key);
  return authenticate(requestWith({ Authorization: `Bearer ${signed}` }), startOfTime);
};

/** Makes all fetches of key sets return the key. */
const serveKeys = () =>
  jest
    .spyOn(globalThis, 'fetch')
    .mockImplementation(async () => Response.json({ keys: [publicJwk(key)] }));

let clock: ReturnType<typeof virtualClock>;
let identity: Identity;
beforeEach(() => {
  clock = virtualClock();
  identity = createIdentity(clock);
});
afterEach(() => {
  jest.restoreAllMocks();
});

describe('an identity', () => {
  it('accepts nobody and has no state until it is given a policy', async () => {
    identity.refuse('line 3 is wrong');
    expect(identity.state()).toBeUndefined();
    await expect(send(identity)).rejects.toMatchObject({ code: 'unauthenticated' });
  });

  it('leaves subjects unchanged and accepts several audiences by an issuer from variables', async () => {
    identity.use(variables, 'variables');
    const aud = ['vault', 'other'];
    expect(await send(identity, { aud })).toMatchObject({ subject: 'alice', issuer: 'default' });
  });

  it('does not accept ES384 from an issuer from variables', async () => {
    const other = p384();
    identity.use(issuerWith(keySet(publicJwk(other))), 'variables');
    const token = signToken({ alg: 'ES384' }, claims, other);
    await expect(send(identity, {}, token)).rejects.toMatchObject({ code: 'unauthenticated' });
  });

  it('accepts callers only by the policy that it was given last, even with a token that it knows', async () => {
    identity.use(variables, 'variables');
    expect(await send(identity)).toMatchObject({ subject: 'alice', issuer: 'default' });
    identity.use(policyWith('ci', inline), 'file');
    expect(await send(identity)).toMatchObject({ subject: 'ci:alice', issuer: 'ci' });
    identity.use(policyWith('cd', inline), 'file');
    expect(await send(identity)).toMatchObject({ subject: 'cd:alice', issuer: 'cd' });
  });

  it('shares no policy with another identity in the same process', async () => {
    const other = createIdentity(clock);
    identity.use(policyWith('ci', inline), 'file');
    await expect(send(other)).rejects.toMatchObject({ code: 'unauthenticated' });
    other.use(policyWith('cd', inline), 'file');
    other.refuse('line 3 is wrong');
    expect(await send(identity)).toMatchObject({ issuer: 'ci' });
    expect(await send(other)).toMatchObject({ issuer: 'cd' });
    expect(identity.state()).toMatchObject({ fault: null });
  });

  it.each([
    ['a policy', policyWith('cd', unusable)],
    ['an issuer from variables', issuerWith(keySet(privateJwk(key)))],
  ])('keeps the old policy, with its state, if it cannot use %s', async (_, given) => {
    identity.use(policyWith('ci', inline), 'bundle');
    const before = identity.state();
    clock.advance(1_000);
    expect(() => identity.use(given, 'file')).toThrow('the key set may contain only public keys');
    expect(await send(identity)).toMatchObject({ issuer: 'ci' });
    expect(identity.state()).toEqual(before);
  });
});

describe('the state of an identity', () => {
  const digestOf = (policy: AccessPolicy) =>
    createHash('sha256').update(JSON.stringify(policy)).digest('base64url');

  it.each(['bundle', 'file'] as const)(
    'has the digest of a policy, its source %s, and since when it is in use',
    (source) => {
      const policy = policyWith('ci', inline);
      identity.use(policy, source);
      const [digest, since] = [digestOf(policy), '2026-11-24T14:30:48.123Z'];
      expect(identity.state()).toEqual({ source, digest, since, fault: null });
      clock.advance(60_000);
      expect(identity.state()).toMatchObject({ since });
      const next = policyWith('cd', inline);
      identity.use(next, source);
      expect(identity.state()).toMatchObject({
        ...{ digest: digestOf(next), since: '2026-11-24T14:31:48.123Z' },
      });
    },
  );

  it('has no digest for an issuer from variables', () => {
    identity.use(variables, 'variables');
    expect(identity.state()).toMatchObject({ source: 'variables', digest: null, fault: null });
  });

  it('has the fault of a newer policy until another policy is used', async () => {
    identity.use(policyWith('ci', inline), 'file');
    const before = identity.state();
    clock.advance(1_000);
    identity.refuse('line 3 is wrong');
    expect(identity.state()).toEqual({ ...before, fault: 'line 3 is wrong' });
    identity.refuse('line 4 is wrong');
    expect(identity.state()).toEqual({ ...before, fault: 'line 4 is wrong' });
    expect(await send(identity)).toMatchObject({ issuer: 'ci' });
    identity.use(policyWith('cd', inline), 'file');
    expect(identity.state()).toMatchObject({ fault: null });
  });
});

describe('the key sets of an identity', () => {
  const fails = { code: 'identity_unavailable' };

  it('come from any address that a policy names, but by discovery only from public addresses', async () => {
    const fetched = serveKeys();
    identity.use(policyWith('ci', byAddress), 'file');
    expect(await send(identity)).toMatchObject({ issuer: 'ci' });
    expect(fetched.mock.calls.map(([url]) => String(url))).toEqual(['https://127.0.0.1/keys']);
    identity.use(policyWith('ci', { discovery: true }), 'file');
    await expect(send(identity)).rejects.toMatchObject(fails);
    expect(fetched).toHaveBeenCalledTimes(1);
  });

  it('are kept for as long as each policy names their address, even if the issuer is down', async () => {
    const fetched = serveKeys();
    identity.use(policyWith('ci', byAddress), 'file');
    await send(identity);
    fetched.mockRejectedValue(new TypeError('down'));
    identity.use(policyWith('renamed', byAddress), 'file');
    expect(await send(identity)).toMatchObject({ issuer: 'renamed' });
    expect(fetched).toHaveBeenCalledTimes(1);
    identity.use(policyWith('ci', { jwksUrl: 'https://127.0.0.1/other' }), 'file');
    await expect(send(identity)).rejects.toMatchObject(fails);
    identity.use(policyWith('ci', byAddress), 'file');
    await expect(send(identity)).rejects.toMatchObject(fails);
  });

  it('are kept if a policy that does not name their address cannot be used', async () => {
    const fetched = serveKeys();
    identity.use(policyWith('ci', byAddress), 'file');
    await send(identity);
    fetched.mockRejectedValue(new TypeError('down'));
    expect(() => identity.use(policyWith('cd', unusable), 'file')).toThrow();
    identity.use(policyWith('renamed', byAddress), 'file');
    expect(await send(identity)).toMatchObject({ issuer: 'renamed' });
    expect(fetched).toHaveBeenCalledTimes(1);
  });
});
