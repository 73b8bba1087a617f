/**
 * A process takes its policy from one of three sources. The policy says where the keys of its
 * issuers come from.
 */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { AccessPolicy } from '../../../functions/access/policy-types.ts';
import { requestWith } from '../../support/events.ts';
import { ed25519, keySet, p384, publicJwk, signToken } from '../../support/issuer.ts';
import { freshFolder } from '../../support/local-process.ts';

const key = ed25519();
const claims = {
  iss: 'https://127.0.0.1',
  aud: 'vault',
  exp: Math.floor(Date.now() / 1_000) + 600,
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
type Keys = typeof inline | { readonly jwksUrl: string } | { readonly discovery: true };
const policyWith = (id: string, keys: Keys): AccessPolicy => ({
  issuers: [{ id, ...own, ...keys }],
});
const variables = {
  AUTH_ISSUER: claims.iss,
  AUTH_AUDIENCE: 'vault',
  AUTH_JWKS: keySet(publicJwk(key)),
};

describe('the access policy of a process', () => {
  const kept = { ...process.env };
  let folder: string;
  /** Loads the module again, as at a cold start. */
  const fresh = () =>
    jest.requireActual<typeof import('../../../functions/runtime/identity.ts')>(
      '../../../functions/runtime/identity.ts',
    );
  type Identity = ReturnType<typeof fresh>;
  const send = (identity: Identity, changed: object = {}, token?: string) => {
    const signed = token ?? signToken({ alg: 'EdDSA' }, { ...claims, ...changed }, key);
    const request = requestWith({ Authorization: `Bearer ${signed}` });
    return identity.authenticate(request, Date.now());
  };

  beforeEach(() => {
    jest.resetModules();
    folder = freshFolder();
    process.env = { ...kept };
    jest.spyOn(process.stdout, 'write').mockReturnValue(true);
  });
  afterEach(() => {
    jest.restoreAllMocks();
    process.env = kept;
    rmSync(folder, { recursive: true });
  });

  it('comes from environment variables, and then keeps subjects unchanged and accepts several audiences', async () => {
    Object.assign(process.env, variables);
    const identity = fresh();
    identity.startIdentity();
    const aud = ['vault', 'other'];
    expect(await send(identity, { aud })).toMatchObject({ subject: 'alice', issuer: 'default' });
    expect(identity.policyState()).toMatchObject({ source: 'variables', digest: null });
  });

  it('does not accept ES384 from the issuer in environment variables', async () => {
    const other = p384();
    Object.assign(process.env, { ...variables, AUTH_JWKS: keySet(publicJwk(other)) });
    const identity = fresh();
    identity.startIdentity();
    const token = signToken({ alg: 'ES384' }, claims, other);
    await expect(send(identity, {}, token)).rejects.toMatchObject({ code: 'unauthenticated' });
  });

  it('comes from the file that was deployed with the function', async () => {
    process.env['LAMBDA_TASK_ROOT'] = folder;
    writeFileSync(join(folder, 'access-policy.json'), JSON.stringify(policyWith('ci', inline)));
    const identity = fresh();
    identity.startIdentity();
    expect(await send(identity)).toMatchObject({ subject: 'ci:alice', issuer: 'ci' });
    const digest = expect.stringMatching(/^[\w-]{43}$/);
    expect(identity.policyState()).toMatchObject({ source: 'bundle', digest, fault: null });
  });

  it('comes from the host if it provides one, whatever the environment says', async () => {
    Object.assign(process.env, variables);
    const identity = fresh();
    identity.usePolicy(policyWith('ci', inline));
    identity.startIdentity();
    expect(await send(identity)).toMatchObject({ issuer: 'ci' });
    identity.usePolicy(policyWith('cd', inline));
    expect(await send(identity)).toMatchObject({ issuer: 'cd' });
    expect(identity.policyState()).toMatchObject({ source: 'file' });
  });

  it('may name any address for keys, but discovery uses only public addresses', async () => {
    const fetched = jest
      .spyOn(globalThis, 'fetch')
      .mockImplementation(async () => Response.json({ keys: [publicJwk(key)] }));
    const identity = fresh();
    identity.usePolicy(policyWith('ci', { jwksUrl: 'https://127.0.0.1/keys' }));
    expect(await send(identity)).toMatchObject({ issuer: 'ci' });
    expect(fetched.mock.calls.map(([url]) => String(url))).toEqual(['https://127.0.0.1/keys']);
    identity.usePolicy(policyWith('ci', { discovery: true }));
    await expect(send(identity)).rejects.toMatchObject({ code: 'identity_unavailable' });
    expect(fetched).toHaveBeenCalledTimes(1);
  });

  it('keeps the keys fetched from an address for as long as it names the address, even if the issuer is down', async () => {
    const fetched = jest
      .spyOn(globalThis, 'fetch')
      .mockImplementation(async () => Response.json({ keys: [publicJwk(key)] }));
    const identity = fresh();
    identity.usePolicy(policyWith('ci', { jwksUrl: 'https://127.0.0.1/keys' }));
    await send(identity);
    fetched.mockRejectedValue(new TypeError('down'));
    identity.usePolicy(policyWith('renamed', { jwksUrl: 'https://127.0.0.1/keys' }));
    expect(await send(identity)).toMatchObject({ issuer: 'renamed' });
    expect(fetched).toHaveBeenCalledTimes(1);
    identity.usePolicy(policyWith('ci', { jwksUrl: 'https://127.0.0.1/other' }));
    await expect(send(identity)).rejects.toMatchObject({ code: 'identity_unavailable' });
    identity.usePolicy(policyWith('ci', { jwksUrl: 'https://127.0.0.1/keys' }));
    await expect(send(identity)).rejects.toMatchObject({ code: 'identity_unavailable' });
  });
});
