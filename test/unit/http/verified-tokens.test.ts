import { beforeEach, describe, expect, it } from '@jest/globals';
import { localKeys } from '../../../functions/http/key-sets.ts';
import type { Authenticate } from '../../../functions/http/principal.ts';
import { limits, times } from '../../../functions/model/limits.ts';
import { requestWith } from '../../support/events.ts';
import { createAuthenticate, ed25519, keySet, publicJwk, signToken } from '../../support/issuer.ts';
import { codeOf } from '../../support/refusals.ts';
import { startOfTime } from '../../support/virtual-clock.ts';

const issuer = 'https://issuer.test/';
const audience = 'vault';
const key = ed25519();
const nowS = Math.floor(startOfTime / 1_000);
const claims = { iss: issuer, aud: audience, exp: nowS + 3_600, tenant: 'acme', sub: 'alice' };
const tokenOf = (changed: object = {}) =>
  signToken({ alg: 'EdDSA' }, { ...claims, ...changed }, key);

describe('the cache of verified tokens', () => {
  let authenticate: Authenticate;
  /** How many verifications there were. Each one looks up the key once. */
  let verified: number;
  /** Whether the key has been removed from the configured set. */
  let isWithdrawn: boolean;
  beforeEach(() => {
    [verified, isWithdrawn] = [0, false];
    const good = localKeys(keySet(publicJwk(key)));
    const others = localKeys(keySet(publicJwk(ed25519())));
    authenticate = createAuthenticate({
      issuer,
      audience,
      keys: (header, token) => {
        verified += 1;
        return (isWithdrawn ? others : good)(header, token);
      },
    });
  });
  const ask = (token: string, laterMs = 0) =>
    authenticate(requestWith({ Authorization: `Bearer ${token}` }), startOfTime + laterMs);

  it('identifies the caller of a token for a minute without another verification', async () => {
    const token = tokenOf();
    const first = await ask(token);
    expect(await ask(token)).toEqual(first);
    expect(await ask(token, times.tokenKeptMs - 1)).toEqual(first);
    expect(verified).toBe(1);
  });

  // Shows G15.
  it('verifies a token again after a minute, so that a withdrawn key is noticed', async () => {
    const token = tokenOf();
    await ask(token);
    isWithdrawn = true;
    await expect(ask(token, times.tokenKeptMs - 1)).resolves.toBeDefined();
    expect(await codeOf(() => ask(token, times.tokenKeptMs))).toBe('unauthenticated');
  });

  it('refuses a cached token as soon as it has expired and the tolerance for clocks is over', async () => {
    const token = tokenOf({ exp: nowS + 10 });
    await ask(token);
    const endMs = 1_000 * (nowS + 10 + times.tokenToleranceS) - startOfTime;
    await expect(ask(token, endMs - 1)).resolves.toBeDefined();
    expect(verified).toBe(1);
    expect(await codeOf(() => ask(token, endMs))).toBe('unauthenticated');
  });

  it('verifies a token again if the clock goes back', async () => {
    const token = tokenOf({ nbf: nowS });
    await ask(token);
    expect(await codeOf(() => ask(token, -1_000 * (times.tokenToleranceS + 1)))).toBe(
      'unauthenticated',
    );
  });

  it('never accepts another token or another caller because of a cached one', async () => {
    const [alice, bob] = [tokenOf(), tokenOf({ tenant: 'umbrella', sub: 'bob' })];
    expect(await ask(alice)).toMatchObject({ tenant: 'acme', subject: 'alice' });
    expect(await ask(bob)).toMatchObject({ tenant: 'umbrella', subject: 'bob' });
    expect(await ask(alice)).toMatchObject({ tenant: 'acme', subject: 'alice' });
    const forged = `${bob.slice(0, bob.lastIndexOf('.'))}${alice.slice(alice.lastIndexOf('.'))}`;
    expect(await codeOf(() => ask(forged))).toBe('unauthenticated');
  });

  it('drops a token once a thousand newer ones have arrived', async () => {
    const tokens = Array.from({ length: limits.tokensKeptMax + 1 }, (_, index) =>
      tokenOf({ jti: String(index) }),
    );
    for (const token of tokens) await ask(token);
    expect(verified).toBe(tokens.length);
    const [first = '', second = ''] = tokens;
    await ask(second);
    expect(verified).toBe(tokens.length);
    await ask(first);
    expect(verified).toBe(tokens.length + 1);
  });

  it('verifies a refused token again each time', async () => {
    for (let time = 1; time <= 3; time += 1) {
      expect(await codeOf(() => ask(tokenOf({ tenant: '' })))).toBe('unauthenticated');
      expect(verified).toBe(time);
    }
  });
});
