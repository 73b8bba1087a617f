/** The vault answers 400 to invalid paths, queries and headers, and names the field. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { freshName, isLocal, type RunningVault, startVault } from '../support/running-vault.ts';

let vault: RunningVault;
let token: string;
const name = freshName('KNOWN');
beforeAll(async () => {
  vault = await startVault();
  token = vault.token();
  await vault.call('POST', '/v1/secrets', { token, body: { name, value: 'one' } });
  await vault.call('PUT', `/v1/secrets/${name}`, { token, body: { value: 'two' } });
});
afterAll(() => vault.stop());

const get = (path: string) => vault.call('GET', path, { token });
const invalid = (field: string) => ({ status: 400, json: { code: 'invalid_request', field } });
const minutesAhead = (minutes: number) => new Date(Date.now() + minutes * 60_000).toISOString();
const cursorOf = (text: string) => Buffer.from(text).toString('base64url');

/** Some gateways would route these to another path. */
const paths = isLocal ? ['A%2Fversions', 'A;v=1'] : [];
describe('a path', () => {
  it.each(['1A', '.A', 'A%20B', ...paths, 'A%00', '%C3%A9', 'A,B', 'a'.repeat(129)])(
    'with the name %s gets 400 on every route',
    async (segment) => {
      for (const reply of [
        await get(`/v1/secrets/${segment}`),
        await get(`/v1/secrets/${segment}/versions`),
        await vault.call('PUT', `/v1/secrets/${segment}`, { token, body: { value: 'v' } }),
      ]) {
        expect(reply).toMatchObject(invalid('name'));
        expect(reply.text).not.toContain(segment);
      }
    },
  );
});

describe('a query', () => {
  it.each([
    '0',
    '01',
    '-1',
    '+1',
    '1.0',
    '1e3',
    '',
    '%201',
    'x',
    '1000000000',
    `1${'0'.repeat(18)}`,
  ])('with version=%s gets 400', async (version) => {
    expect(await get(`/v1/secrets/${name}?version=${version}`)).toMatchObject(invalid('version'));
  });

  it('with version=999999999 gets 404, because that version does not exist', async () => {
    expect((await get(`/v1/secrets/${name}?version=999999999`)).status).toBe(404);
  });

  it.each([
    '',
    'now',
    '2026-11-24',
    '2026-11-24T14:31:00',
    '2026-11-24T14:31Z',
    '2026-11-24%2014:31:00Z',
    '2026-11-24t14:31:00z',
    '2026-11-24T14:31:00%2B00:00',
    '2026-11-24T14:31:00.1234Z',
    '2026-11-24T14:31:00.Z',
    '2026-02-30T00:00:00Z',
    '2026-13-01T00:00:00Z',
    '2026-11-24T24:00:00Z',
    '2026-11-24T23:59:60Z',
    '%2B002026-11-24T14:31:00Z',
    '1764000000000',
    '9999-12-31T23:59:59Z',
  ])('with at=%s gets 400', async (at) => {
    expect(await get(`/v1/secrets/${name}?at=${at}`)).toMatchObject(invalid('at'));
  });

  it('may ask for an instant up to ten minutes ahead of the clock', async () => {
    expect((await get(`/v1/secrets/${name}?at=${minutesAhead(9)}`)).json.value).toBe('two');
    expect(await get(`/v1/secrets/${name}?at=${minutesAhead(11)}`)).toMatchObject(invalid('at'));
  });

  it('with version and at gets 400', async () => {
    const reply = await get(`/v1/secrets/${name}?version=1&at=2026-11-24T14:31:00Z`);
    expect(reply).toMatchObject({ status: 400, json: { code: 'invalid_request' } });
  });

  it.each([
    ['limit', '/v1/secrets', ['0', '-1', '01', '1.5', 'x', '', '1001', '99999999999999999999']],
    ['limit', `/v1/secrets/${name}/versions`, ['0', '-1', 'x', '', '101']],
    ['limit', `/v1/secrets/${name}/versions?include=values`, ['11', '100']],
    ['order', `/v1/secrets/${name}/versions`, ['', 'up', 'DESC']],
    ['include', `/v1/secrets/${name}/versions`, ['', 'value', 'values,names']],
    ['prefix', '/v1/secrets', ['1A', 'A%20', 'A*', '%C3%A9', 'a'.repeat(129)]],
  ])('with an invalid %s of %s gets 400: %j', async (parameter, path, values) => {
    for (const value of values) {
      const reply = await get(`${path}${path.includes('?') ? '&' : '?'}${parameter}=${value}`);
      expect(reply).toMatchObject(invalid(parameter));
    }
  });

  it.each([
    '',
    'x',
    '!!',
    'AAAA',
    `${cursorOf('2')}==`,
    cursorOf('0'),
    cursorOf('-1'),
    cursorOf('2 '),
    cursorOf('1000000000'),
    cursorOf('TENANT#acme'),
    cursorOf('\u0000'),
    'a'.repeat(3_000),
  ])('with the cursor %s gets 400 in both lists', async (cursor) => {
    for (const path of ['/v1/secrets', `/v1/secrets/${name}/versions`]) {
      expect(await get(`${path}?cursor=${cursor}`)).toMatchObject(invalid('cursor'));
    }
  });

  it('with a cursor to a name hidden from the caller gets 400', async () => {
    const blind = vault.token({ names: ['OTHER.*'] });
    const path = `/v1/secrets?cursor=${cursorOf(name)}`;
    expect(await vault.call('GET', path, { token: blind })).toMatchObject(invalid('cursor'));
  });

  it('with a repeated parameter gets 400, even with equal values', async () => {
    for (const [parameter, path] of [
      ['version', `/v1/secrets/${name}?version=1&version=1`],
      ['at', `/v1/secrets/${name}?at=2026-11-24T14:31:00Z&at=2026-11-24T14:31:00Z`],
      ['limit', '/v1/secrets?limit=1&limit=2'],
      ['order', `/v1/secrets/${name}/versions?order=asc&limit=1&order=asc`],
    ] as const) {
      expect(await get(path)).toMatchObject(invalid(parameter));
    }
  });

  it('with an unknown parameter gets 400 on every route with a token, without an echo', async () => {
    const body = { content: 'A=1' };
    for (const [method, path, sent] of [
      ['POST', '/v1/secrets', { name: freshName(), value: 'v' }],
      ['PUT', `/v1/secrets/${name}`, { value: 'v' }],
      ['GET', `/v1/secrets/${name}`],
      ['GET', `/v1/secrets/${name}/versions`],
      ['GET', '/v1/secrets'],
      ['POST', '/v1/env', body],
      ['POST', '/v1/env/encrypt', body],
      ['POST', '/v1/env/expand', body],
      ['GET', '/v1/status'],
    ] as const) {
      for (const query of ['c4n4ry=1', 'Version=1', 'toString=1', '__proto__=1', 'c4n4ry']) {
        const reply = await vault.call(method, `${path}?${query}`, {
          token,
          ...(sent && { body: sent }),
        });
        expect(reply).toMatchObject(invalid('query'));
        expect(reply.text).not.toContain('c4n4ry');
      }
    }
  });

  it('with values for a text/plain file gets 400, because values must not appear in URLs', async () => {
    for (const query of ['values=c4n4ry', 'values[A]=c4n4ry']) {
      const path = `/v1/env/encrypt?${query}`;
      const reply = await vault.call('POST', path, { token, file: 'A=1\n' });
      expect(reply).toMatchObject({ status: 400, json: { code: 'invalid_request' } });
      expect(reply.text).not.toContain('c4n4ry');
    }
  });

  it.each([
    ['dialect', 'dialect=Shell'],
    ['dialect', 'dialect='],
    ['dialect', 'dialect=shell&dialect=shell'],
    ['dialect', 'dialect=fish'],
    ['dryRun', 'dryRun=1'],
    ['dryRun', 'dryRun='],
    ['at', 'at='],
    ['at', 'at=now'],
    ['at', 'at=9999-12-31T23:59:59Z'],
    ['at', 'at=2026-11-24T14:31:00Z&at=2026-11-24T14:31:00Z'],
    ['pin', 'pin=true'],
    ['pin', 'pin=false'],
  ])('gets 400 and names the field %s for a text/plain file with %s', async (field, query) => {
    const reply = await vault.call('POST', `/v1/env/expand?${query}`, { token, file: 'A=1\n' });
    expect(reply).toMatchObject(invalid(field));
  });

  it('with at gets 400 for a text/plain file where it would have no effect', async () => {
    for (const route of ['', '/encrypt']) {
      const path = `/v1/env${route}?at=2026-11-24T14:31:00Z`;
      const reply = await vault.call('POST', path, { token, file: 'A=1\n' });
      expect(reply).toMatchObject(invalid('at'));
    }
  });

  it('with the options of a file gets 400 for a JSON request, whose body holds them', async () => {
    for (const query of ['at=2026-11-24T14:31:00Z', 'pin=true', 'dryRun=true']) {
      const path = `/v1/env/expand?${query}`;
      const reply = await vault.call('POST', path, { token, body: { content: 'A=1' } });
      expect(reply).toMatchObject(invalid('query'));
    }
  });
});

describe('a header', () => {
  const put = (headers: Record<string, string | string[]>, target = name) =>
    vault.call('PUT', `/v1/secrets/${target}`, { token, body: { value: 'three' }, headers });

  it.each(['', '1', '"1', '1"', 'abc', '"1" "2"', '*, "1"', '**', 'w/"1"', 'W/1', '"a"b"', "'1'"])(
    'If-Match: %s gets 400 as no entity tag, also for a missing name',
    async (tag) => {
      expect(await put({ 'If-Match': tag })).toMatchObject(invalid('if-match'));
      expect(await put({ 'If-Match': tag }, freshName())).toMatchObject(invalid('if-match'));
    },
  );

  it.each(['*', '"1"', '"7"'])('If-None-Match: %s gets 400 on PUT', async (tag) => {
    expect(await put({ 'If-None-Match': tag })).toMatchObject(invalid('if-none-match'));
  });

  const id = '0b7cd2f3-63a5-4c52-a2dd-4d9d2a7f9a31';
  it.each([
    'fifteen-visible',
    'v'.repeat(129),
    'with a blank in between',
    'with-an-é-in-between',
    '',
    // Some gateways join two headers into one.
    ...(isLocal ? [[id, id]] : []),
  ])('Idempotency-Key: %s gets 400 on every route that uses it', async (key) => {
    const headers = {
      'Idempotency-Key': Array.isArray(key) ? key : Buffer.from(key).toString('latin1'),
    };
    const fresh = freshName();
    for (const reply of [
      await put(headers),
      await vault.call('POST', '/v1/secrets', {
        token,
        headers,
        body: { name: fresh, value: 'v' },
      }),
      await vault.call('POST', '/v1/env', { token, headers, body: { content: 'A=1' } }),
      await vault.call('POST', '/v1/env/encrypt', { token, headers, body: { content: 'A=1' } }),
    ]) {
      expect(reply).toMatchObject(invalid('idempotency-key'));
    }
    expect((await get(`/v1/secrets/${fresh}`)).status).toBe(404);
  });

  it('Idempotency-Key of 16 and of 128 characters is accepted', async () => {
    for (const key of ['k'.repeat(16), '~'.repeat(128)]) {
      const body = { name: freshName(), value: 'v' };
      const headers = { 'Idempotency-Key': key };
      expect((await vault.call('POST', '/v1/secrets', { token, headers, body })).status).toBe(201);
    }
  });

  it('X-Request-Id of a caller is ignored', async () => {
    const { headers } = await vault.call('GET', '/v1/secrets', {
      token,
      headers: { 'X-Request-Id': 'of-the-caller' },
    });
    expect(headers.get('x-request-id')).not.toBe('of-the-caller');
  });

  it('leaves the secret at version 2 after all refusals', async () => {
    expect((await get(`/v1/secrets/${name}`)).json).toMatchObject({ version: 2, value: 'two' });
  });
});
