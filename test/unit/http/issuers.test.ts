/**
 * With several issuers, each token is verified only by its own issuer, and all refusals look alike.
 */
import { describe, expect, it } from '@jest/globals';
import type { Rule } from '../../../functions/access/policy-types.ts';
import { localKeys } from '../../../functions/http/key-sets.ts';
import { createAuthenticator, type Issuer } from '../../../functions/http/principal.ts';
import { requestWith } from '../../support/events.ts';
import {
  ed25519,
  type Key,
  keySet,
  p384,
  publicJwk,
  rsa,
  signToken,
} from '../../support/issuer.ts';
import { codeOf, refusalOf } from '../../support/refusals.ts';
import { startOfTime } from '../../support/virtual-clock.ts';

const nowS = Math.floor(startOfTime / 1_000);
const rule: Rule = {
  match: { team: 'a' },
  tenant: 'acme',
  subject: '{sub}',
  scopes: ['secrets:read'],
  names: ['app.*'],
};
const [first, second] = [rsa(), ed25519()];
const issuerWith = (id: string, key: Key, change: Partial<Issuer> = {}): Issuer => ({
  id,
  issuer: `https://${id}.test`,
  audiences: ['vault'],
  algorithms: ['RS256', 'EdDSA'],
  rules: [rule],
  keys: localKeys(keySet(publicJwk(key))),
  ...change,
});
const both = [issuerWith('one', first), issuerWith('two', second)];
const claimsOf = (id: string) => ({
  ...{ iss: `https://${id}.test`, aud: 'vault', exp: nowS + 60, sub: 'ci', team: 'a' },
});
const tokenOf = (id: string, key: Key, changed: object = {}) =>
  signToken({ alg: key === first ? 'RS256' : 'EdDSA' }, { ...claimsOf(id), ...changed }, key);
const sendTo = (issuers: readonly Issuer[]) => {
  const { authenticate, use } = createAuthenticator(issuers);
  const send = (token: string, now = startOfTime) =>
    authenticate(requestWith({ Authorization: `Bearer ${token}` }), now);
  return { send, use };
};

describe('several issuers', () => {
  const { send } = sendTo(both);

  it('each verify their own tokens, and the id of the issuer becomes part of the subject', async () => {
    for (const [id, key] of [
      ['one', first],
      ['two', second],
    ] as const) {
      expect(await send(tokenOf(id, key))).toEqual({
        tenant: 'acme',
        subject: `${id}:ci`,
        scopes: ['secrets:read', 'secrets:list'],
        names: ['app.*'],
        issuer: id,
        rule: 1,
        expires: 1_000 * (nowS + 60),
      });
    }
  });

  it.each<[string, string]>([
    ['of an issuer that the policy does not name', tokenOf('three', first)],
    ['whose issuer has a slash at its end', tokenOf('one', first, { iss: 'https://one.test/' })],
    ['signed by the key of another issuer', tokenOf('one', second)],
    ['without an issuer', tokenOf('one', first, { iss: undefined })],
    ['whose issuer is a list', tokenOf('one', first, { iss: ['https://one.test'] })],
    ['that no rule matches', tokenOf('one', first, { team: 'b' })],
    ['with too many values of a claim', tokenOf('one', first, { team: Array(257).fill('a') })],
    ['whose subject is a list', tokenOf('one', first, { sub: ['ci'] })],
    ['without a subject', tokenOf('one', first, { sub: undefined })],
    ['for several audiences', tokenOf('one', first, { aud: ['vault', 'other'] })],
    ['for another audience', tokenOf('one', first, { aud: 'other' })],
    ['that expired, for another audience', tokenOf('one', first, { aud: 'other', exp: nowS - 60 })],
    ['that expired, for several audiences', tokenOf('one', first, { aud: ['vault', 'o'], exp: 1 })],
  ])('refuse a token %s, with the same message in all cases', async (_, token) => {
    const refused = await refusalOf(() => send(token));
    expect([refused.code, refused.message, refused.properties]).toEqual([
      'unauthenticated',
      'a valid bearer token is needed',
      {},
    ]);
  });

  it('accept only the algorithms that the policy lists for each of them', async () => {
    const key = p384();
    const es384 = sendTo([issuerWith('one', key, { algorithms: ['ES384'] })]).send;
    const token = signToken({ alg: 'ES384' }, claimsOf('one'), key);
    expect((await es384(token)).issuer).toBe('one');
    const only = sendTo([issuerWith('one', first, { algorithms: ['EdDSA'] })]).send;
    expect(await codeOf(() => only(tokenOf('one', first)))).toBe('unauthenticated');
  });

  it('are independent, so the unreachable key set of one does not affect the tokens of another', async () => {
    const lost = issuerWith('one', first, { keys: () => Promise.reject(new TypeError('lost')) });
    const { send: sent } = sendTo([lost, issuerWith('two', second)]);
    expect(await codeOf(() => sent(tokenOf('one', first)))).toBe('identity_unavailable');
    expect((await sent(tokenOf('two', second))).issuer).toBe('two');
    expect(await codeOf(() => sent(tokenOf('three', first)))).toBe('unauthenticated');
  });
});

describe('a new policy', () => {
  it('applies at once, even to tokens that were verified before', async () => {
    const { send, use } = sendTo(both);
    const token = tokenOf('one', first);
    expect((await send(token)).names).toEqual(['app.*']);
    use([issuerWith('one', first, { rules: [{ ...rule, names: ['OTHER'] }] })]);
    expect((await send(token)).names).toEqual(['OTHER']);
    use([issuerWith('two', second)]);
    expect(await codeOf(() => send(token))).toBe('unauthenticated');
  });

  it('does not reuse a verification that began under the older policy', async () => {
    let answer: (key: Key['publicKey']) => void = () => undefined;
    const slow = issuerWith('one', first, {
      keys: () => new Promise((resolve) => (answer = resolve as typeof answer)),
    });
    const { send, use } = sendTo([slow]);
    const token = tokenOf('one', first);
    const begun = send(token);
    use([issuerWith('two', second)]);
    answer(first.publicKey);
    expect((await begun).issuer).toBe('one');
    expect(await codeOf(() => send(token))).toBe('unauthenticated');
  });
});

describe('a verified token of one of several issuers', () => {
  it('keeps its issuer, its rule and its expiry in the cache, until it expires', async () => {
    const { send } = sendTo(both);
    const token = tokenOf('two', second);
    const once = await send(token);
    expect(await send(token, startOfTime + 59_000)).toEqual(once);
    expect((await refusalOf(() => send(token, startOfTime + 65_000))).message).toBe(
      'the token has expired',
    );
  });
});
