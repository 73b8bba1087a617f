/** Somebody's first steps over HTTP, in the order of a day's work. */
import { describe, expect, it } from '@jest/globals';
import { freshName, useVault } from '../support/running-vault.ts';

const vault = useVault();

const create = (name: string, value: string) => vault.ask('POST', '/v1/secrets', { name, value });
const get = (name: string, query = '') => vault.ask('GET', `/v1/secrets/${name}${query}`);

describe('one secret', () => {
  it('gets 201 with its location and its version when it is created', async () => {
    const name = freshName();
    const reply = await create(name, 'hunter2');
    expect(reply.status).toBe(201);
    expect(reply.headers.get('location')).toBe(`secrets/${name}`);
    expect(reply.headers.get('etag')).toBe('"1"');
    expect(reply.json).toMatchObject({ name, version: 1 });
    expect(Math.abs(Date.now() - Date.parse(reply.json.validFrom ?? ''))).toBeLessThan(60_000);
  });

  it('has an ETag only when its latest version is read', async () => {
    const name = freshName();
    await create(name, 'hunter2');
    const updated = await vault.ask('PUT', `/v1/secrets/${name}`, { value: 'hunter3' });
    const [latest, first] = [await get(name), await get(name, '?version=1')];
    const replies = [updated, latest, first];
    expect(replies.map(({ headers }) => headers.get('etag'))).toEqual([
      undefined,
      '"2"',
      undefined,
    ]);
    expect([latest, first].map(({ json }) => json.value)).toEqual(['hunter3', 'hunter2']);
  });

  it('is found at the Location of its create, also if the path of the create ended with a slash', async () => {
    const name = freshName();
    const path = '/v1/secrets/';
    const created = await vault.ask('POST', path, { name, value: 'hunter2' });
    const base = vault.baseUrl();
    const location = new URL(created.headers.get('location') ?? '', base + path).href;
    expect(location).toBe(`${base}/v1/secrets/${name}`);
    expect((await vault.ask('GET', location.slice(base.length))).status).toBe(200);
  });
});

describe('a .env file', () => {
  const env = (route: string, content: string) => vault.ask('POST', `/v1/env${route}`, { content });

  it('loses its values by encrypt, and gets them back by expand', async () => {
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
      // Line 6 ends with CR LF, and bash counts the CR as part of the value.
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
});
