/** A hidden secret and a missing one get the same answer, byte for byte. */
import { beforeAll, describe, expect, it } from '@jest/globals';
import { readTemplate } from '../../local/host/template.ts';
import { type Call, freshName, useVault, withoutRequestId } from '../support/running-vault.ts';

const vault = useVault();
const hidden = freshName('HIDDEN');
const shown = freshName('SHOWN');
// The names have the same length, so that the lengths of replies can be compared too.
const never = hidden.replace('HIDDEN', 'NEVER_');

beforeAll(async () => {
  for (const name of [hidden, shown]) {
    await vault.create('canary-1', name);
    await vault.ask('PUT', `/v1/secrets/${name}`, { value: 'canary-2' });
  }
});

const strangers = {
  'a token of another tenant': { tenant: 'globex' },
  'a token whose names do not cover it': { names: [shown, 'OTHER.*'] },
};
const file = (name: string) => ({ content: `A=1\nB="secret(${name})"\n` });
type Ask = (name: string) => readonly [method: string, path: string, call?: Call];
const get =
  (end = ''): Ask =>
  (name) => ['GET', `/v1/secrets/${name}${end}`];
const put =
  (headers = {}): Ask =>
  (name) => ['PUT', `/v1/secrets/${name}`, { body: { value: 'x' }, headers }];
const asks: Readonly<Record<string, Ask>> = {
  'get-secret': get(),
  'get-secret of a version': get('?version=1'),
  'get-secret as of now': (name) => get(`?at=${new Date().toISOString()}`)(name),
  'list-versions': get('/versions'),
  'list-versions with values': get('/versions?include=values'),
  'update-secret': put(),
  'update-secret with If-Match': put({ 'If-Match': '"1"' }),
  'expand-env': (name) => ['POST', '/v1/env/expand', { body: file(name) }],
  'submit-env': (name) => ['POST', '/v1/env', { body: file(name) }],
};
const cells = Object.keys(strangers).flatMap((who) => Object.keys(asks).map((ask) => [who, ask]));

it('every route of the template about secrets is asked here', async () => {
  const { routes } = await readTemplate('template.yaml');
  const asked = Object.keys(asks).map((ask) => ask.split(' ')[0]);
  // The last three have tests of their own below; status and health concern no secret.
  const others = ['get-status', 'get-health', 'list-secrets', 'create-secret', 'encrypt-env'];
  const known = new Set([...asked, ...others]);
  expect(routes.map(({ operation }) => operation).sort()).toEqual([...known].sort());
});

describe('a secret hidden from the caller', () => {
  // Shows G7.
  it.each(cells)('looks missing to %s in %s', async (who, what) => {
    const token = vault.token(strangers[who as keyof typeof strangers]);
    const ask = (name: string) => {
      const [method, path, call] = (asks[what] as Ask)(name);
      return vault.call(method, path, { token, ...call });
    };
    const [outOfSight, absent] = [await ask(hidden), await ask(never)];
    expect(outOfSight.status).toBe(404);
    expect(outOfSight.json.code).toBe('not_found');
    expect(withoutRequestId(outOfSight).replaceAll(hidden, 'N')).toBe(
      withoutRequestId(absent).replaceAll(never, 'N'),
    );
    if (!what.endsWith('env')) expect(outOfSight.text).not.toContain(hidden);
    expect(outOfSight.text).not.toContain('tenant-');
  });

  it.each(Object.keys(strangers))('stays out of the list of %s', async (who) => {
    const token = vault.token(strangers[who as keyof typeof strangers]);
    const { json } = await vault.call('GET', '/v1/secrets', { token });
    expect(json.names).not.toContain(hidden);
  });

  it('keeps its versions and its value after all attempts', async () => {
    const { json } = await vault.ask('GET', `/v1/secrets/${hidden}`);
    expect(json).toMatchObject({ version: 2, value: 'canary-2' });
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
    // Nobody has this name; it sorts where the other tenant's name sorts.
    const madeUp = await list(mine, `cursor=${cursorOf(`${names[0]}_NOBODY`)}`);
    expect(withoutRequestId(madeUp)).toBe(withoutRequestId(shown));
  });

  it('of another secret is only a version number and shows the requested secret', async () => {
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
  it('outside the names of the token gets 403, whether or not the name exists', async () => {
    const token = vault.token({ names: ['OTHER.*'] });
    const create = (name: string) =>
      vault.call('POST', '/v1/secrets', { token, body: { name, value: 'v' } });
    const encrypt = (name: string) =>
      vault.call('POST', '/v1/env/encrypt', {
        token,
        body: { content: `${name}=v\nB=enc(${name})` },
      });
    for (const write of [create, encrypt]) {
      const [taken, free] = [await write(hidden), await write(never)];
      expect(taken).toMatchObject({ status: 403, json: { code: 'forbidden' } });
      expect(withoutRequestId(taken)).toBe(withoutRequestId(free));
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
