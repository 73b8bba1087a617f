/** The log gives the reason for each refusal, and the reply does not. */
import { beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { localKeys } from '../../functions/http/key-sets.ts';
import { createAuthenticator } from '../../functions/http/principal.ts';
import { problem } from '../../functions/http/responses.ts';
import { ApiError } from '../../functions/model/errors.ts';
import type { Principal } from '../../functions/model/types.ts';
import { whyFields } from '../../system/log-line-names.ts';
import { requestOf } from '../support/events.ts';
import { ed25519, keySet, p256, publicJwk, signToken } from '../support/issuer.ts';
import { createKeptLog, type KeptLog } from '../support/kept-log.ts';
import { refusalOf } from '../support/refusals.ts';
import { someone } from '../support/requests.ts';
import { makeSecret } from '../support/secrets.ts';
import { askOf, useEmbedded } from '../support/use-embedded.ts';
import { startOfTime } from '../support/virtual-clock.ts';

type Line = Readonly<Record<string, unknown>>;

let kept: KeptLog;
beforeEach(() => {
  kept = createKeptLog();
});

const reasonFields = ['issuer', ...whyFields];

/** Returns the reason in the log line of a refused request. The reply must not depend on it. */
const reasonOf = async (ask: () => Promise<unknown>): Promise<Line> => {
  const error = await refusalOf(ask);
  const { code, message, properties, retryable } = error;
  const unexplained = new ApiError(code, message, {
    properties,
    ...(retryable !== undefined && { retryable }),
  });
  expect(problem(error, 'r-1')).toEqual(problem(unexplained, 'r-1'));
  const { status } = problem(error, 'r-1');
  kept = createKeptLog();
  void kept.openJournal('get-secret', 'r-1').close({ status, error, elapsedMs: 1 });
  const [line = {}]: readonly Line[] = kept.lines();
  return Object.fromEntries(reasonFields.flatMap((one) => (one in line ? [[one, line[one]]] : [])));
};

/**
 * Makes a vault with two versions of DB, and with GONE, which was deleted. `blind` is a caller who
 * may use neither of these names.
 */
const useTwoSecrets = () => {
  const vault = useEmbedded();
  const ask = askOf(vault);
  const began = 1_700_000_000_000;
  const alice = someone();
  const blind = { ...alice, names: ['X*'] };
  beforeAll(async () => {
    for (const name of ['DB', 'GONE']) {
      await makeSecret(vault.ports, alice, name, ['a', 'b'], began);
    }
    await ask.delete(alice, 'GONE', { now: began + 5_000 });
  });
  return { ask, began, alice, blind };
};

describe('the log line of a request about one secret', () => {
  const { ask, began, alice, blind } = useTwoSecrets();

  type Ask = (caller: Principal, name: string) => Promise<unknown>;
  const get: Ask = (caller, name) => ask.get(caller, name);
  const getAt =
    (at: number): Ask =>
    (caller, name) =>
      ask.get(caller, name, { at: began + at });
  const getVersion =
    (version: number): Ask =>
    (caller, name) =>
      ask.get(caller, name, { version });
  const history: Ask = (caller, name) => ask.versions(caller, name);
  const update: Ask = (caller, name) => ask.update(caller, name, 'x');
  const remove: Ask = (caller, name) => ask.delete(caller, name);
  const destroy =
    (version: number): Ask =>
    (caller, name) =>
      ask.destroy(caller, name, version);
  const explain: Ask = (caller, name) => ask.explain(caller, name);

  it.each<[string, string, Ask, string]>([
    ['a get of a missing name', 'NO', get, 'never_existed'],
    ['a get by version of a missing name', 'NO', getVersion(1), 'never_existed'],
    ['a get at an instant of a missing name', 'NO', getAt(0), 'never_existed'],
    ['a history of a missing name', 'NO', history, 'never_existed'],
    ['an update of a missing name', 'NO', update, 'never_existed'],
    ['a deletion of a missing name', 'NO', remove, 'never_existed'],
    ['a destruction in a missing name', 'NO', destroy(1), 'never_existed'],
    ['a get of a deleted secret', 'GONE', get, 'deleted'],
    ['a get at an instant after the deletion', 'GONE', getAt(9_000), 'deleted'],
    ['a get of the version that is the deletion', 'GONE', getVersion(3), 'deleted'],
    ['an update of a deleted secret', 'GONE', update, 'deleted'],
    ['a deletion of a deleted secret', 'GONE', remove, 'deleted'],
    ['a get of a version above the current one', 'DB', getVersion(3), 'beyond_current'],
    ['a destruction of a version above the current one', 'DB', destroy(3), 'beyond_current'],
    ['a get at an instant before the first version', 'DB', getAt(-1), 'before_first'],
  ])('says why %s finds nothing', async (_, name, asking, why) => {
    expect(await reasonOf(() => asking(alice, name))).toEqual({ why });
  });

  it('says that a name is hidden, whether or not the secret exists', async () => {
    for (const asking of [
      ...[get, getVersion(1), getVersion(9), getAt(0), getAt(-1), history, explain],
      ...[update, remove, destroy(1), destroy(9)],
    ]) {
      for (const name of ['DB', 'GONE', 'NO']) {
        expect(await reasonOf(() => asking(blind, name))).toEqual({ why: 'hidden' });
      }
    }
    // The first request was answered while the token could still see the name.
    const repeated = (caller: Principal) => ask.update(caller, 'KEYED', 'y', { key: 'key-1' });
    await ask.create(alice, 'KEYED', 'x');
    await repeated(alice);
    expect(await reasonOf(() => repeated(blind))).toEqual({ why: 'hidden' });
  });

  it.each<[string, Ask, number]>([
    ['a create', (caller) => ask.create(caller, 'DB', 'x'), 2],
    ['an update with If-Match', (caller) => ask.update(caller, 'DB', 'x', { ifMatch: [1, 3] }), 2],
    ['a deletion with If-Match', (caller) => ask.delete(caller, 'DB', { ifMatch: [1] }), 2],
    ['a destruction', (caller) => ask.destroy(caller, 'DB', 2), 2],
    ['a destruction of a deletion', (caller) => ask.destroy(caller, 'GONE', 3), 3],
  ])('says which version is in the way of %s', async (_, asking, blocking) => {
    expect(await reasonOf(() => asking(alice, 'DB'))).toEqual({ blocking });
  });

  it('says that a token may not create the name', async () => {
    const why = 'name_not_allowed';
    expect(await reasonOf(() => ask.create(blind, 'DB', 'x'))).toEqual({ why });
  });
});

describe('the log line of a request about a .env file', () => {
  const { ask, began, alice, blind } = useTwoSecrets();
  beforeAll(async () => {
    await ask.destroy(alice, 'DB', 1);
  });

  const expand = (content: string, at?: number) => (caller: Principal) =>
    ask.expand(caller, content, { at: at && began + at });
  const submit =
    (content: string, options = {}) =>
    (caller: Principal) =>
      ask.submit(caller, content, { values: new Map([['X', 'x']]), ...options });
  const absent = 'A=secret(c4n4ry)secret(c4n4ry@1)\nB=secret(DB@3)\nC=secret(GONE)secret(GONE@3)\n';
  const counted = { never_existed: 2, beyond_current: 1, deleted: 2 };
  const existing = 'A=enc(DB)\nDB=x\nB=enc(c4n4ry)\nc4n4ry=x\n';

  it.each<[string, Principal, (caller: Principal) => Promise<unknown>, Line]>([
    ['an expansion', alice, expand(absent), counted],
    ['a submission', alice, submit(`X=enc(X)\n${absent}`), counted],
    ['a dry run', alice, submit(`X=enc(X)\n${absent}`, { dryRun: true }), counted],
    [
      'an expansion as of an instant',
      alice,
      expand('A=secret(DB)secret(DB@2)secret(GONE)\n', 1),
      { before_first: 1 },
    ],
    [
      'an expansion as of an earlier instant',
      alice,
      expand('A=secret(DB)secret(DB@2)\n', -1),
      { before_first: 2 },
    ],
    ['hidden names', blind, expand('A=secret(DB)secret(DB@9)secret(c4n4ry)\n'), { hidden: 3 }],
    ['names that exist', alice, submit(existing, { values: new Map() }), { secret_exists: 1 }],
    [
      'names that may not be created',
      blind,
      submit(`${existing}C=enc(X)\nX=x\n`, { values: new Map() }),
      { name_not_allowed: 2 },
    ],
    ['destroyed versions', alice, expand('A=secret(DB@1)\n'), { version_destroyed: 1 }],
    [
      'a file with faults',
      alice,
      expand('A=secret(c4n4ry\nB=secret(\nA=c4n4ry\n'),
      { malformed_reference: 2, duplicate_key: 1 },
    ],
  ])(
    'counts the reasons for refusing %s, and contains no name',
    async (_, caller, asking, reasons) => {
      const why = Object.keys(reasons).sort().join(' ');
      expect(await reasonOf(() => asking(caller))).toEqual({ why, reasons });
      expect(JSON.stringify(kept.lines())).not.toContain('c4n4ry');
    },
  );

  it('says that a name of a repeated submission is now hidden', async () => {
    const repeated = submit('X=enc(X)\nB=secret(DB)\n', { key: 'k'.repeat(20) });
    await repeated(alice);
    const reasons = { hidden: 1 };
    expect(await reasonOf(() => repeated(blind))).toEqual({ why: 'hidden', reasons });
  });
});

describe('the log line of a request that is answered 401', () => {
  const nowS = Math.floor(startOfTime / 1_000);
  const [key, twin] = [ed25519(), ed25519()];
  const rule = (match: object, subject = '{sub}') => ({
    ...{ match: match as Record<string, string>, tenant: 'acme', subject },
    ...{ scopes: ['secrets:read'] as const, names: ['app.*'] },
  });
  const issuer = (id: string, rules: readonly ReturnType<typeof rule>[], ...keys: object[]) => ({
    ...{ id, issuer: `https://${id}.test`, audiences: ['vault'], rules },
    algorithms: ['EdDSA'] as const,
    deny: { sub: ['gone'], jti: ['stolen'], before: '2020-01-01T00:00:00Z' },
    keys: localKeys(keySet(publicJwk(key, { kid: 'k1' }), ...keys)),
  });
  const many = Array.from({ length: 100 }, (_, at) => rule({ team: `t${at}` }));
  const { authenticate } = createAuthenticator([
    issuer('idp', [rule({ team: 'a', ref: 'main' }), rule({ team: 'b' }, '{/job/id}')]),
    issuer('many', many),
    issuer('twins', [rule({ team: 'a' })], publicJwk(twin, { kid: 'k1' })),
  ]);
  const claims = {
    ...{ iss: 'https://idp.test', aud: 'vault', exp: nowS + 60, iat: nowS },
    ...{ sub: 'c4n4ry', jti: 'c4n4ry', team: 'a', ref: 'main' },
  };
  const header = { alg: 'EdDSA', kid: 'k1' };
  const token = (change: object = {}, head: typeof header & object = header) =>
    signToken(head, { ...claims, ...change }, key);
  const bearer = (text: string) => [`Bearer ${text}`];
  const of = (change: object, head?: typeof header) => bearer(token(change, head));
  const idp = (why: string, more: object = {}) => ({ issuer: 'idp', why, ...more });
  const differing = (...differ: readonly string[]) =>
    differ.map((claim, index) => ({ rule: index + 1, claim }));
  const tooMany = Array(257).fill('c4n4ry');

  it.each<[string, readonly string[], Line]>([
    ['no token', [], { why: 'no_token' }],
    ['an empty token', ['Bearer '], { why: 'no_token' }],
    ['a name and a password instead of a token', ['Basic YTpi'], { why: 'no_token' }],
    ['two tokens', [...of({}), ...of({})], { why: 'spelling' }],
    ['a text that is not a token', bearer('c4n4ry'), { why: 'spelling' }],
    ['a character that is not allowed in a token', bearer(`${token()}=`), { why: 'spelling' }],
    ['claims that are not an object', bearer(signToken(header, ['c'], key)), { why: 'spelling' }],
    [
      'a critical extension',
      of({}, { ...header, crit: ['b64'] } as typeof header),
      idp('spelling'),
    ],
    ['a token of 8,193 characters', bearer('a'.repeat(8_193)), { why: 'too_long' }],
    [
      'a token in another algorithm',
      bearer(signToken({ alg: 'ES256' }, claims, p256())),
      idp('algorithm'),
    ],
    ['a token without an algorithm', of({}, { ...header, alg: 'none' }), idp('algorithm')],
    ['a token of an unknown issuer', of({ iss: 'https://c4n4ry.test' }), { why: 'no_issuer' }],
    ['a token of an unknown key', of({}, { ...header, kid: 'c4n4ry' }), idp('no_key')],
    [
      'a token whose key id two keys have',
      of({ iss: 'https://twins.test' }),
      { issuer: 'twins', why: 'no_key' },
    ],
    [
      'a token that another key has signed',
      bearer(signToken(header, claims, twin)),
      idp('signature'),
    ],
    ['an expired token', of({ exp: nowS - 60 }), idp('expired')],
    ['a token that is not valid yet', of({ nbf: nowS + 60 }), idp('not_yet')],
    ['a token without an expiry', of({ exp: undefined }), idp('date')],
    ['a token whose start is text', of({ nbf: 'c4n4ry' }), idp('date')],
    ['a token whose expiry is in milliseconds', of({ exp: startOfTime + 60_000 }), idp('date')],
    ['a token for another audience', of({ aud: 'c4n4ry' }), idp('audience')],
    ['a token for two audiences', of({ aud: ['vault', 'c4n4ry'] }), idp('several_audiences')],
    ['a token of a denied subject', of({ sub: 'gone' }), idp('denied', { by: 'sub' })],
    ['a token with a denied id', of({ jti: 'stolen' }), idp('denied', { by: 'jti' })],
    ['a token issued before the denied time', of({ iat: 1 }), idp('denied', { by: 'before' })],
    [
      'claims that match no rule',
      of({ ref: 'c4n4ry' }),
      idp('no_rule', { mismatches: differing('ref', 'team') }),
    ],
    [
      'claims that match none of 100 rules',
      of({ iss: 'https://many.test' }),
      { issuer: 'many', why: 'no_rule', mismatches: differing(...Array(96).fill('team')) },
    ],
    [
      'a claim that does not fit into a template',
      of({ team: 'b', job: { id: 'c4n4ry 1\n' } }),
      idp('unfit', { by: 'subject /job/id', mismatches: differing('team') }),
    ],
    ['too many values of a claim', of({ ref: tooMany }), idp('too_many_values', { by: 'ref' })],
  ])('says why a request with %s is refused', async (_, authorization, expected) => {
    const request = requestOf({ multiValueHeaders: { Authorization: [...authorization] } });
    expect(await reasonOf(() => authenticate(request, startOfTime))).toEqual(expected);
    expect(JSON.stringify(kept.lines())).not.toContain('c4n4ry');
  });
});
