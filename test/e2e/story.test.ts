/** A person's first steps over HTTP, in the order of a day's work. */
import { describe, expect, it } from '@jest/globals';
import { freshName, useVault } from '../support/running-vault.ts';

const vault = useVault();

const create = (name: string, value: string) => vault.ask('POST', '/v1/secrets', { name, value });
const update = (name: string, value: string, headers = {}) =>
  vault.ask('PUT', `/v1/secrets/${name}`, { value }, headers);
const get = (name: string, query = '') => vault.ask('GET', `/v1/secrets/${name}${query}`);

describe('one secret', () => {
  it('is created once: 201 with its location and version', async () => {
    const name = freshName();
    const reply = await create(name, 'hunter2');
    expect(reply.status).toBe(201);
    expect(reply.headers.get('location')).toBe(`secrets/${name}`);
    expect(reply.headers.get('etag')).toBe('"1"');
    expect(reply.json).toMatchObject({ name, version: 1 });
    expect(Math.abs(Date.now() - Date.parse(reply.json.validFrom ?? ''))).toBeLessThan(60_000);
  });

  it('appears where the Location says, also for a create with a slash at its end', async () => {
    const name = freshName();
    const path = '/v1/secrets/';
    const created = await vault.ask('POST', path, { name, value: 'hunter2' });
    const base = vault.baseUrl();
    const location = new URL(created.headers.get('location') ?? '', base + path).href;
    expect(location).toBe(`${base}/v1/secrets/${name}`);
    expect((await vault.ask('GET', location.slice(base.length))).status).toBe(200);
  });

  it('is refused with 409 to a second create, and keeps the first value', async () => {
    const name = freshName();
    await create(name, 'first');
    expect(await create(name, 'second')).toMatchObject({
      status: 409,
      json: { code: 'secret_exists', retryable: false },
    });
    expect((await get(name)).json).toMatchObject({ value: 'first', version: 1 });
  });

  it('becomes version 2 by an update, and version 1 keeps its value', async () => {
    const name = freshName();
    const created = await create(name, 'hunter2');
    const updated = await update(name, 'hunter3');
    expect(updated).toMatchObject({ status: 200, json: { name, version: 2 } });
    expect(updated.headers.has('etag')).toBe(false);
    const current = await get(name);
    expect(current).toMatchObject({
      status: 200,
      json: { name, version: 2, value: 'hunter3', encoding: 'utf8', validTo: null },
    });
    expect(current.headers.get('etag')).toBe('"2"');
    const first = await get(name, '?version=1');
    expect(first.json).toMatchObject({ version: 1, value: 'hunter2' });
    expect(first.headers.has('etag')).toBe(false);
    const { json } = await vault.ask('GET', `/v1/secrets/${name}/versions`);
    const [from, until] = [created.json.validFrom, updated.json.validFrom];
    expect(json).toMatchObject({
      nextCursor: null,
      versions: [
        { version: 2, validFrom: until, validTo: null, createdBy: 'alice' },
        { version: 1, validFrom: from, validTo: until, createdBy: 'alice' },
      ],
    });
    expect(json.versions?.[0]).not.toHaveProperty('value');
  });
});

describe('If-Match', () => {
  it('allows an update while the current version is one of those named', async () => {
    const name = freshName();
    await create(name, 'a');
    expect((await update(name, 'b', { 'If-Match': '"1"' })).status).toBe(200);
    expect((await update(name, 'c', { 'If-Match': '"7", "2"' })).status).toBe(200);
    expect((await update(name, 'd', { 'If-Match': '*' })).json.version).toBe(4);
  });

  it('answers 412 with the current version to an update for another one', async () => {
    const name = freshName();
    await create(name, 'a');
    await update(name, 'b');
    for (const tag of ['"1"', 'W/"2"', '"02"', '"1", "3"']) {
      expect(await update(name, 'c', { 'If-Match': tag })).toMatchObject({
        status: 412,
        json: { code: 'version_conflict', currentVersion: 2, retryable: false },
      });
    }
    expect((await get(name)).json).toMatchObject({ version: 2, value: 'b' });
  });
});

describe('a .env file', () => {
  const env = (route: string, content: string) => vault.ask('POST', `/v1/env${route}`, { content });

  it('with an existing name stores nothing and is refused with 409, the name and its line', async () => {
    const [first, taken, last] = [freshName('A'), freshName('B'), freshName('C')];
    await create(taken, 'taken');
    const content = [first, taken, last].map(
      (name) => `${name}=v-${name}\nX${name}=enc(${name})\n`,
    );
    for (const route of ['', '/encrypt']) {
      const reply = await env(route, content.join(''));
      expect(reply).toMatchObject({ status: 409, json: { code: 'secret_exists', errorsTotal: 1 } });
      expect(reply.json.errors).toMatchObject([{ line: 4, code: 'secret_exists', name: taken }]);
      expect((await get(first)).status).toBe(404);
      expect((await get(last)).status).toBe(404);
    }
    expect((await get(taken)).json.value).toBe('taken');
  });

  it('becomes a file without values by encrypt, and a file with them by expand', async () => {
    const [password, key] = [freshName('PW'), freshName('KEY')];
    const file = [
      '# settings',
      '',
      `${password}=hunter2-canary   # the password`,
      `URL="postgres://app:enc(${password})@db/app"`,
      `export API='enc(${key})'`,
      'PLAIN=plain\r',
      'LAST="no end of line"',
    ].join('\n');
    const values = { [key]: "it's a 'canary'" };
    const encrypted = await vault.ask('POST', '/v1/env/encrypt', { content: file, values });
    expect(encrypted.status).toBe(200);
    expect(encrypted.json).toMatchObject({
      created: [
        { name: password, version: 1 },
        { name: key, version: 1 },
      ],
      resolved: [],
      // bash counts the CR of line 6 as a part of the value.
      warnings: [{ line: 6, code: 'reader_disagrees' }],
    });
    expect(encrypted.text).not.toContain('canary');
    expect(encrypted.json.content).toBe(
      file.replace('hunter2-canary', `secret(${password})`).replaceAll('enc(', 'secret('),
    );
    expect((await get(key)).json.value).toBe("it's a 'canary'");
    const expanded = await env('/expand', encrypted.json.content ?? '');
    expect(expanded.json).toMatchObject({ created: [], warnings: encrypted.json.warnings });
    expect(expanded.json.content).toBe(
      [
        '# settings',
        '',
        `${password}=hunter2-canary   # the password`,
        'URL=postgres://app:hunter2-canary@db/app',
        `export API="it's a 'canary'"`,
        'PLAIN=plain\r',
        'LAST="no end of line"',
      ].join('\n'),
    );
  });

  it('stores new secrets and resolves old ones in one submit', async () => {
    const [old, fresh] = [freshName('OLD'), freshName('NEW')];
    await create(old, 'old value');
    await update(old, 'old value 2');
    const reply = await env('', `A=secret(${old})\n${fresh}=new\nB=enc(${fresh})\n`);
    expect(reply.json).toMatchObject({
      content: `A='old value 2'\n${fresh}=secret(${fresh})\nB=secret(${fresh})\n`,
      created: [{ name: fresh, version: 1 }],
      resolved: [{ name: old, version: 2 }],
      warnings: [],
    });
    expect((await get(fresh)).json.value).toBe('new');
  });
});
