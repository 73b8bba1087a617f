/**
 * Hidden, deleted and missing secrets get the same answer, byte for byte.
 * test/contract/hidden-names compares the calls. Behind another gateway there is no access policy,
 * so the callers that need one are left out.
 */
import { beforeAll, describe, expect, it } from '@jest/globals';
import { decodeJwt } from 'jose';
import type { OperationId } from '../../client/types.ts';
import { logged } from '../support/log-lines.ts';
import { makePolicyIssuer } from '../support/policy-issuer.ts';
import type { Ask } from '../support/prepared-requests.ts';
import { perRoute } from '../support/routes.ts';
import { freshName, isLocal, useVault, withoutRequestId } from '../support/running-vault.ts';
import { type Claims, claimsOf } from '../support/tokens.ts';
import { untilSeen } from '../support/until.ts';

const hidden = freshName('HIDDEN');
const shown = freshName('SHOWN');
const others = [shown, 'OTHER.*'];
const ruled = makePolicyIssuer('ruled', 'https://ruled.test');
const claiming = makePolicyIssuer('claiming', 'https://claiming.test');
/**
 * Returns rules of the policy that would show the secret to a caller if one part of each, such as
 * its tenant or its names, were different.
 */
const rulesFor = (tenant: string) =>
  Object.entries({
    'fixed tenant': { tenant: 'globex' },
    'tenant of a claim': { tenant: 'team-{team}' },
    'fixed names': { names: others },
    'names of a claim': { names: ['{team}.*'] },
    'scopes of a claim': { scopesFrom: 'permissions' },
  }).map(([kind, part]) => ({
    match: { kind, team: ['blue', 'red'] },
    tenant,
    subject: '{sub}',
    scopes: String(claimsOf()['scope']).split(' '),
    names: ['*'],
    ...part,
  }));
const vault = useVault((tenant) =>
  JSON.stringify({
    issuers: [
      { id: 'local', localKey: true },
      { ...ruled.entry, rules: rulesFor(tenant) },
      { ...claiming.entry, vaultClaims: true },
    ],
  }),
);
// These names have equal length, so that the lengths of replies can be compared too.
const never = hidden.replace('HIDDEN', 'NEVER_');
const ended = hidden.replace('HIDDEN', 'ENDED_');

beforeAll(async () => {
  for (const name of [hidden, shown, ended]) {
    await vault.create('canary-1', name);
    await vault.ask('PUT', `/v1/secrets/${name}`, { value: 'canary-2' });
  }
  await vault.ask('DELETE', `/v1/secrets/${ended}`);
});

/** What keeps a caller from seeing the secret. */
type Hider = 'tenant' | 'names' | 'scopes' | 'scopes and names';
type Stranger = { readonly by: Hider; readonly token: () => string };
/**
 * The claims of a token with which a caller may see the secret, except for `change`. In a token
 * that a rule of the policy judges, they must have no effect.
 */
const ownClaims = (change: Claims = {}): Claims => {
  const { tenant, sub, scope } = decodeJwt(vault.token());
  return { tenant, sub, scope, names: ['*'], ...change };
};
const byRule = (by: Hider, kind: string): Stranger => ({
  by,
  token: () => ruled.token(ownClaims({ kind, team: 'blue', permissions: 'vault:status' })),
});
const strangers: Readonly<Record<string, Stranger>> = {
  'a token of another tenant': { by: 'tenant', token: () => vault.token({ tenant: 'globex' }) },
  'a token whose names do not cover it': {
    by: 'names',
    token: () => vault.token({ names: others }),
  },
  'a token with secrets:list alone whose names do not cover it': {
    by: 'scopes and names',
    token: () => vault.token({ names: others, scope: 'secrets:list' }),
  },
  ...(isLocal && {
    'a token by a rule for another tenant': byRule('tenant', 'fixed tenant'),
    'a token by a rule whose tenant is a claim': byRule('tenant', 'tenant of a claim'),
    'a token by a rule whose names do not cover it': byRule('names', 'fixed names'),
    'a token by a rule whose names come from a claim': byRule('names', 'names of a claim'),
    'a token by a rule whose scopes a claim reduces': byRule('scopes', 'scopes of a claim'),
    'a token of a second issuer for another tenant': {
      by: 'tenant',
      token: () => claiming.token(ownClaims({ tenant: 'globex' })),
    },
    'a token of a second issuer with the sub of the writer': {
      by: 'names',
      token: () => claiming.token(ownClaims({ names: others })),
    },
  }),
};
const strangerOf = (who: string): Stranger => strangers[who] as Stranger;
const asks: Readonly<Record<string, Ask>> = Object.assign(
  {},
  ...Object.values(perRoute).map(({ asks }) => asks),
);
const routeOf = (what: string) => perRoute[what.split(' ')[0] as OperationId];
/** Requests that need only the scope `secrets:list`. */
const listing = ['list-versions', 'list-versions by HEAD'];
/** Requests for the current value, which a deleted secret does not have. */
const current = Object.keys(asks).filter(
  (what) => !/version|pin/.test(what) && routeOf(what).missing === undefined,
);
const askAs = (token: string, what: string) => (name: string) => {
  const [method, path, call] = (asks[what] as Ask)(name, shown, new Date().toISOString());
  return vault.call(method, path, { token, ...call });
};
const cells = Object.keys(strangers).flatMap((who) => Object.keys(asks).map((ask) => [who, ask]));

describe('a secret of another tenant, or hidden from the caller', () => {
  // Shows G7.
  it.each(cells)('looks missing to %s in %s', async (who, what) => {
    const { by, token } = strangerOf(who);
    const ask = askAs(token(), what);
    const lacksScope = by === 'scopes' || (by === 'scopes and names' && !listing.includes(what));
    const missing = by === 'tenant' ? (routeOf(what).missing ?? 404) : 404;
    const status = lacksScope ? 403 : missing;
    const code = lacksScope ? 'forbidden' : 'not_found';
    const json = what.includes('HEAD') || status === 200 ? {} : { code };
    const absent = await ask(never);
    for (const name of [hidden, ended]) {
      const outOfSight = await ask(name);
      expect(outOfSight).toMatchObject({ status, json });
      expect(withoutRequestId(outOfSight).replaceAll(name, 'N')).toBe(
        withoutRequestId(absent).replaceAll(never, 'N'),
      );
      if (!what.includes('env') && status !== 200) expect(outOfSight.text).not.toContain(name);
      expect(outOfSight.text).not.toContain('tenant-');
    }
  });

  it.each(Object.keys(strangers))('stays out of the list of %s', async (who) => {
    const token = strangerOf(who).token();
    const list = async (query: string) =>
      (await vault.call('GET', `/v1/secrets?${query}`, { token })).text;
    for (const query of ['', 'include=details', 'state=deleted', 'state=deleted&include=details']) {
      const text = await list(query);
      for (const name of [hidden, ended]) expect(text).not.toContain(name);
    }
  });

  it('keeps its versions and its values after strangers have tried to read, change and delete it', async () => {
    const { json } = await vault.ask('GET', `/v1/secrets/${hidden}`);
    expect(json).toMatchObject({ version: 2, value: 'canary-2' });
    for (const name of [hidden, ended]) {
      const first = await vault.ask('GET', `/v1/secrets/${name}?version=1`);
      expect(first.json.value).toBe('canary-1');
    }
    const { json: history } = await vault.ask('GET', `/v1/secrets/${ended}/versions`);
    expect(history.versions?.map(({ state }) => state)).toEqual(['deleted', 'stored', 'stored']);
  });
});

describe('a deleted secret', () => {
  // Shows G7.
  it.each(current)('looks missing in %s, even to a caller who may see it', async (what) => {
    const ask = askAs(vault.token(), what);
    const [deleted, absent] = [await ask(ended), await ask(never)];
    expect(deleted.status).toBe(404);
    expect(withoutRequestId(deleted).replaceAll(ended, 'N')).toBe(
      withoutRequestId(absent).replaceAll(never, 'N'),
    );
  });

  it('appears in the list of deleted secrets only if the names of the token cover it', async () => {
    for (const [names, seen] of [
      [[`${ended.slice(0, 8)}*`], [ended]],
      [[hidden, shown], []],
      [[ended, hidden], [ended]],
    ] as const) {
      const token = vault.token({ names });
      const path = `/v1/secrets?state=deleted&include=details&prefix=${ended.slice(0, 5)}`;
      const list = () => vault.call('GET', path, { token });
      const { json } = await untilSeen(list, ({ json }) => json.names?.length === seen.length);
      expect(json.names).toEqual(seen);
    }
  });
});

describe('a token with secrets:list alone', () => {
  const token = () => vault.token({ scope: 'secrets:list' });

  // Shows G7.
  it.each(Object.keys(asks))('gets no value by %s', async (what) => {
    const reply = await askAs(token(), what)(hidden);
    expect(reply.status).toBe(listing.includes(what) ? 200 : 403);
    expect(reply.text).not.toMatch(/canary|Y2FuYXJ5|"value"/);
  });

  it('is answered 403 for list-versions with values, and reply and log name secrets:read', async () => {
    const reply = await askAs(token(), 'list-versions with values')(hidden);
    expect(reply).toMatchObject({ status: 403, json: { scope: 'secrets:read' } });
    if (isLocal) expect((await logged(vault, reply)).request['why']).toBe('secrets:read');
    // The form of a request is checked before the scope that values need.
    const malformed = `/v1/secrets/${hidden}/versions?include=values&limit=x`;
    const { status, json } = await vault.call('GET', malformed, { token: token() });
    expect([status, json.field]).toEqual([400, 'limit']);
  });

  it('sees names, versions, instants, authors, notes and states', async () => {
    const name = await vault.create('canary-1');
    const path = `/v1/secrets/${name}`;
    await vault.ask('PUT', path, { value: 'canary-2', note: 'rotated' });
    const see = (from: string) => vault.call('GET', from, { token: token() });
    const listed = await untilSeen(
      () => see(`/v1/secrets?include=details&prefix=${name}`),
      ({ json }) => json.secrets?.[0]?.version === 2,
    );
    const history = await see(`${path}/versions`);
    const createdBy = expect.stringMatching(/alice$/);
    expect(history.json.versions).toMatchObject([
      { version: 2, state: 'stored', createdBy, note: 'rotated', validTo: null },
      { version: 1, state: 'stored', createdBy, validTo: expect.any(String) },
    ]);
    expect(listed.json.secrets).toMatchObject([
      { name, version: 2, state: 'stored', createdBy, note: 'rotated' },
    ]);
    expect(listed.text + history.text).not.toContain('canary');
  });
});

describe('a cursor', () => {
  const cursorOf = (position: string) => Buffer.from(position).toString('base64url');
  const list = (token: string, query: string) =>
    vault.call('GET', `/v1/secrets?${query}`, { token });

  it("of another tenant shows the caller's own names, like a made-up cursor", async () => {
    const [theirs, mine] = [vault.token({ tenant: 'cursors' }), vault.token({ tenant: 'others' })];
    const names = ['A', 'C', 'E'].map((letter) => freshName(letter));
    const own = ['B', 'D', 'F'].map((letter) => freshName(letter));
    for (const [token, all] of [[theirs, names] as const, [mine, own] as const]) {
      for (const name of all) {
        await vault.call('POST', '/v1/secrets', { token, body: { name, value: 'v' } });
      }
    }
    const cursor = (await list(theirs, 'limit=1')).json.nextCursor;
    expect(cursor).toBe(cursorOf(names[0] ?? ''));
    const shown = await list(mine, `cursor=${cursor}`);
    expect(shown.json).toEqual({ names: own, nextCursor: null });
    // This cursor is made from a name that no secret has. The name sorts next to the name in the
    // other tenant.
    const madeUp = await list(mine, `cursor=${cursorOf(`${names[0]}_NOBODY`)}`);
    expect(withoutRequestId(madeUp)).toBe(withoutRequestId(shown));
  });

  it('of another secret is only a version number, so it shows versions of the requested secret', async () => {
    const long = await vault.create();
    for (const value of ['w', 'x']) await vault.ask('PUT', `/v1/secrets/${long}`, { value });
    const versions = (name: string, query: string, token = vault.token()) =>
      vault.call('GET', `/v1/secrets/${name}/versions?${query}`, { token });
    const { nextCursor } = (await versions(long, 'limit=2')).json;
    expect(nextCursor).toBe(cursorOf('2'));
    const continued = await versions(shown, `cursor=${nextCursor}`);
    expect(continued.json.versions?.map(({ version }) => version)).toEqual([1]);
    const stranger = vault.token({ tenant: 'globex' });
    expect((await versions(shown, `cursor=${nextCursor}`, stranger)).status).toBe(404);
  });
});

describe('a create', () => {
  // Shows G7.
  it('outside the names of the token is refused with 403, whether or not the name exists', async () => {
    const token = vault.token({ names: ['OTHER.*'] });
    const create = (name: string) =>
      vault.call('POST', '/v1/secrets', { token, body: { name, value: 'v' } });
    const encrypt = (name: string) =>
      vault.call('POST', '/v1/env/encrypt', {
        token,
        body: { content: `${name}=v\nB=enc(${name})` },
      });
    for (const write of [create, encrypt]) {
      const free = await write(never);
      for (const name of [hidden, ended]) {
        const taken = await write(name);
        expect(taken).toMatchObject({ status: 403, json: { code: 'forbidden' } });
        expect(withoutRequestId(taken)).toBe(withoutRequestId(free));
      }
    }
    expect((await create(`OTHER.${freshName()}`)).status).toBe(201);
    expect((await vault.ask('GET', `/v1/secrets/${never}`)).status).toBe(404);
  });

  it('by two tenants with the same name makes two secrets', async () => {
    const name = freshName('BOTH');
    const tenants = ['initech', 'umbrella'];
    const tokens = tenants.map((tenant) => vault.token({ tenant }));
    for (const [index, token] of tokens.entries()) {
      const body = { name, value: `of ${tenants[index]}` };
      expect((await vault.call('POST', '/v1/secrets', { token, body })).status).toBe(201);
    }
    for (const [index, token] of tokens.entries()) {
      const { json } = await vault.call('GET', `/v1/secrets/${name}`, { token });
      expect(json.value).toBe(`of ${tenants[index]}`);
    }
  });
});
