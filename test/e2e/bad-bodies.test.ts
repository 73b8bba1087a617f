/** The vault refuses invalid bodies, names the field, and neither echoes nor stores anything. */
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  type Call,
  freshName,
  isLocal,
  itLocal,
  type RunningVault,
  startVault,
} from '../support/running-vault.ts';

const canary = 'c4n4ry';
let vault: RunningVault;
let token: string;
beforeAll(async () => {
  vault = await startVault();
  token = vault.token();
});
afterAll(() => vault.stop());

type Raw = NonNullable<Call['raw']>;
const create = (raw: Raw, headers = {}) =>
  vault.call('POST', '/v1/secrets', { token, raw, headers });
const statusOf = async (name: string) =>
  (await vault.call('GET', `/v1/secrets/${name}`, { token })).status;
const bytes = (...parts: (string | number[])[]) =>
  Buffer.concat(parts.map((part) => Buffer.from(part as string)));
const padded = (text: string, length: number) => text.padEnd(length, ' ');

// `N` stands for the secret's name.
const notJson: Readonly<Record<string, Raw>> = {
  nothing: '',
  'a blank': ' ',
  'no JSON at all': canary,
  'half a property': `{"name":"N","value":"${canary}`,
  'a property without a comma': `{"name":"N" "value":"${canary}"}`,
  'a comma at the end': `{"name":"N","value":"${canary}",}`,
  'a comment': `{"name":"N","value":"${canary}"/* why */}`,
  'a comment at the end': `{"name":"N","value":"${canary}"} // why`,
  'text at the end': `{"name":"N","value":"${canary}"}{}`,
  'single quotes': `{'name':'N','value':'${canary}'}`,
  'a property without quotes': `{name:"N","value":"${canary}"}`,
  'a control character in a string': `{"name":"N","value":"${canary}\u0001"}`,
  'a line end in a string': `{"name":"N","value":"${canary}\n"}`,
  'a NUL byte': bytes(`{"name":"N","value":"${canary}"}`, [0]),
  'a NUL byte in a string': bytes(`{"name":"N","value":"${canary}`, [0], '"}'),
  'an invalid escape': `{"name":"N","value":"${canary}\\x41"}`,
  'half an escape': `{"name":"N","value":"${canary}\\u00"}`,
  'a no-break space between tokens': `{"name":"N",\u00a0"value":"${canary}"}`,
  'a line separator outside strings': `{"name":"N",\u2028"value":"${canary}"}`,
  'a number with a leading zero': `{"name":"N","value":01}`,
  'a number that ends in a point': `{"name":"N","value":1.}`,
  'a lone minus': '{"name":"N","value":-}',
  NaN: '{"name":"N","value":NaN}',
  undefined: '{"name":"N","value":undefined}',
  'a BOM': bytes([0xef, 0xbb, 0xbf], `{"name":"N","value":"${canary}"}`),
  'UTF-16': Buffer.from(`\ufeff{"name":"N","value":"${canary}"}`, 'utf16le'),
  'the byte FF': bytes(`{"name":"N","value":"${canary}`, [0xff], '"}'),
  'an overlong slash': bytes(`{"name":"N","value":"${canary}`, [0xc0, 0xaf], '"}'),
  'a surrogate in UTF-8': bytes(`{"name":"N","value":"${canary}`, [0xed, 0xa0, 0x80], '"}'),
  'half a character': bytes(`{"name":"N","value":"${canary}`, [0xc3], '"}'),
  'a property twice': `{"name":"N","value":"${canary}","value":"${canary}"}`,
  'a property twice, once escaped': `{"name":"N","value":"${canary}","valu\\u0065":"x"}`,
  'half a surrogate pair': `{"name":"N","value":"${canary}\\ud800"}`,
  'a surrogate pair the wrong way round': `{"name":"N","value":"${canary}\\udc00\\ud800"}`,
  'half a surrogate pair as a property name': `{"name":"N","value":"${canary}","\\udc00":1}`,
  'nesting without end': `{"name":"N","value":${'['.repeat(200_000)}`,
  'nesting of nine': `{"name":"N","value":"${canary}","x":${'['.repeat(8)}${']'.repeat(8)}}`,
  'a list': `["N","${canary}"]`,
  'a string': `"${canary}"`,
  'a number': '1',
  null: 'null',
};

const wrongProperties: Readonly<Record<string, [string, string]>> = {
  'no name': ['name', `{"value":"${canary}"}`],
  'no value': ['value', '{"name":"N"}'],
  'a name that is a number': ['name', `{"name":1,"value":"${canary}"}`],
  'a name that is null': ['name', `{"name":null,"value":"${canary}"}`],
  'a value that is a number': ['value', '{"name":"N","value":4711}'],
  'a value that is null': ['value', '{"name":"N","value":null}'],
  'a value that is a list': ['value', `{"name":"N","value":["${canary}"]}`],
  'a value that is an object': ['value', `{"name":"N","value":{"${canary}":1}}`],
  'an unknown encoding': ['encoding', `{"name":"N","value":"${canary}","encoding":"hex"}`],
  'an encoding in capitals': ['encoding', `{"name":"N","value":"${canary}","encoding":"UTF8"}`],
  'an encoding that is null': ['encoding', `{"name":"N","value":"${canary}","encoding":null}`],
  'an unknown property': ['body', `{"name":"N","value":"v","${canary}":1}`],
  'a property of another route': ['body', `{"name":"N","value":"${canary}","version":1}`],
  'the property __proto__': ['body', `{"name":"N","value":"${canary}","__proto__":{"x":1}}`],
  'the property constructor': ['body', `{"name":"N","value":"${canary}","constructor":1}`],
  'a property in capitals': ['body', `{"name":"N","value":"${canary}","Value":"v"}`],
  'base64 without padding': ['value', '{"name":"N","value":"YQ","encoding":"base64"}'],
  'base64 with loose bits': ['value', '{"name":"N","value":"YR==","encoding":"base64"}'],
  'base64 with a line end': ['value', '{"name":"N","value":"YWFh\\n","encoding":"base64"}'],
  base64url: ['value', '{"name":"N","value":"_-8=","encoding":"base64"}'],
  'invalid base64': ['value', `{"name":"N","value":"${canary}!","encoding":"base64"}`],
};

const named = (raw: Raw, name: string): Raw =>
  typeof raw === 'string'
    ? raw.replace('"N"', `"${name}"`)
    : Buffer.from(Buffer.from(raw).toString('latin1').replace('"N"', `"${name}"`), 'latin1');

describe('create-secret', () => {
  it.each(Object.keys(notJson))('answers 400 to a body with %s', async (what) => {
    const name = freshName();
    const reply = await create(named(notJson[what] as Raw, name));
    expect(reply).toMatchObject({ status: 400, json: { code: 'invalid_request' } });
    expect(reply.json.field).toBe('body');
    expect(reply.text).not.toContain(canary);
    expect(await statusOf(name)).toBe(404);
  });

  it.each(Object.keys(wrongProperties))(
    'answers 400 to a body with %s and names the property',
    async (what) => {
      const name = freshName();
      const [field, raw] = wrongProperties[what] ?? ['', ''];
      const reply = await create(named(raw, name));
      expect(reply).toMatchObject({ status: 400, json: { code: 'invalid_request', field } });
      expect(reply.text).not.toContain(canary);
      expect(await statusOf(name)).toBe(404);
    },
  );

  it.each(['', '1A', '.A', '-A', 'A B', 'A/B', 'A%20', 'é', 'A\u0000', 'A\n', 'a'.repeat(129)])(
    'answers 400 to the name %j',
    async (name) => {
      const reply = await create(JSON.stringify({ name, value: canary }));
      expect(reply).toMatchObject({ status: 400, json: { field: 'name' } });
      expect(reply.text).not.toContain(canary);
    },
  );

  it.each([
    ['constructor'],
    ['__proto__'],
    ['toString'],
    ['hasOwnProperty'],
    ['a'.repeat(128)],
    ['A_.-9'],
  ])('answers 201 to the name %s and returns its value', async (name) => {
    expect((await create(JSON.stringify({ name, value: 'v' }))).status).toBe(201);
    const { json } = await vault.call('GET', `/v1/secrets/${name}`, { token });
    expect(json).toMatchObject({ name, value: 'v' });
  });
});

describe('update-secret', () => {
  it.each([
    ['body', canary],
    ['body', `{"value":"${canary}","value":"x"}`],
    ['body', `{"value":"${canary}","name":"N"}`],
    ['value', `{}`],
    ['value', `{"value":{"${canary}":1}}`],
    ['value', `{"value":"${canary}!","encoding":"base64"}`],
    ['encoding', `{"value":"${canary}","encoding":1}`],
  ])('answers 400 and names the field %s for the body %s', async (field, raw) => {
    const name = freshName();
    await create(JSON.stringify({ name, value: 'v' }));
    for (const target of [name, freshName()]) {
      const reply = await vault.call('PUT', `/v1/secrets/${target}`, { token, raw });
      expect(reply).toMatchObject({ status: 400, json: { code: 'invalid_request', field } });
      expect(reply.text).not.toContain(canary);
    }
    const { json } = await vault.call('GET', `/v1/secrets/${name}`, { token });
    expect(json).toMatchObject({ version: 1, value: 'v' });
  });
});

describe('the .env routes', () => {
  it.each(['', '/encrypt', '/expand'])(
    'answer 400 on /v1/env%s to any invalid body',
    async (route) => {
      const post = (raw: Raw, headers = {}) =>
        vault.call('POST', `/v1/env${route}`, { token, raw, headers });
      const file = { content: `A=${canary}\n` };
      const cases: [string, Raw][] = [
        ['body', canary],
        ['body', '[]'],
        ['body', JSON.stringify({ ...file, [canary]: 1 })],
        ['body', `{"content":"A=1","content":"A=2"}`],
        ['body', `{"content":"A=\\ud800"}`],
        ['content', '{}'],
        ['content', `{"content":["${canary}"]}`],
        ['values', JSON.stringify({ ...file, values: [canary] })],
        ['values', JSON.stringify({ ...file, values: { A: 1 } })],
        ['values', JSON.stringify({ ...file, values: { [`${canary} no name`]: 'v' } })],
        ['body', `{"content":"A=1","values":{"A":"${canary}","A":"x"}}`],
        ['dialect', JSON.stringify({ ...file, dialect: canary })],
        ['dialect', JSON.stringify({ ...file, dialect: 1 })],
        ['dialect', JSON.stringify({ ...file, dialect: 'Shell' })],
        ['dryRun', JSON.stringify({ ...file, dryRun: 'true' })],
        ['dryRun', JSON.stringify({ ...file, dryRun: 1 })],
      ];
      for (const [field, raw] of cases) {
        const reply = await post(raw);
        expect(reply).toMatchObject({ status: 400, json: { code: 'invalid_request', field } });
        expect(reply.text).not.toContain(canary);
      }
      const plain = await post(bytes('A=', [0xff]), { 'Content-Type': 'text/plain' });
      expect(plain).toMatchObject({ status: 400, json: { field: 'body' } });
    },
  );

  it.each(['fish', 'COMPOSE', 'constructor'])('answer 400 to the dialect %s', async (dialect) => {
    for (const route of ['', '/encrypt', '/expand']) {
      const reply = await vault.call('POST', `/v1/env${route}`, {
        token,
        body: { content: 'A=1', dialect },
      });
      expect(reply).toMatchObject({ status: 400, json: { field: 'dialect' } });
    }
  });

  it.each([
    ['at', '2026-11-24T14:31:00Z'],
    ['pin', true],
    ['pin', false],
  ])('answer 400 to the property %s where it would have no effect', async (member, value) => {
    for (const route of ['', '/encrypt']) {
      const body = { content: 'A=1', [member]: value };
      const reply = await vault.call('POST', `/v1/env${route}`, { token, body });
      expect(reply).toMatchObject({ status: 400, json: { field: member } });
    }
  });

  it.each([
    ['at', 1764000000],
    ['at', ''],
    ['at', 'now'],
    ['at', '2026-11-24T14:31:00'],
    ['at', '2026-02-30T00:00:00Z'],
    ['at', '9999-12-31T23:59:59Z'],
    ['at', null],
    ['pin', 'true'],
    ['pin', 1],
    ['pin', null],
  ])('answer 400 to the property %s with the value %j', async (member, value) => {
    const body = { content: 'A=1', [member]: value };
    const reply = await vault.call('POST', '/v1/env/expand', { token, body });
    expect(reply).toMatchObject({ status: 400, json: { field: member } });
  });

  it('answer 400 to the property pin if the reply is a bare file', async () => {
    const headers = { Accept: 'text/plain' };
    const pinned = { content: 'A=1', pin: true };
    const reply = await vault.call('POST', '/v1/env/expand', { token, body: pinned, headers });
    expect(reply).toMatchObject({ status: 400, json: { field: 'pin' } });
    const body = { content: 'A=1', pin: false };
    expect((await vault.call('POST', '/v1/env/expand', { token, body, headers })).text).toBe('A=1');
  });
});

describe('a body', () => {
  const tooLarge = (limit: number) => ({ status: 413, json: { code: 'too_large', limit } });

  it('is accepted up to 1,048,576 bytes and refused beyond', async () => {
    const text = () => JSON.stringify({ name: freshName(), value: canary });
    expect((await create(padded(text(), 1_048_576))).status).toBe(201);
    expect(await create(padded(text(), 1_048_577))).toMatchObject(tooLarge(1_048_576));
  });

  // Another gateway answers this one itself.
  itLocal('of 10 MB gets 413 on every route with a body', async () => {
    const raw = Buffer.alloc(10_000_000, canary);
    for (const [method, path] of [
      ['POST', '/v1/secrets'],
      ['PUT', '/v1/secrets/ANY'],
      ['POST', '/v1/env'],
      ['POST', '/v1/env/encrypt'],
      ['POST', '/v1/env/expand'],
    ] as const) {
      const reply = await vault.call(method, path, { token, raw });
      expect(reply).toMatchObject(tooLarge(1_048_576));
      expect(reply.text).not.toContain(canary);
    }
  });

  it('may hold a value of up to 65,536 bytes in either encoding', async () => {
    const send = (value: string, encoding = 'utf8') =>
      create(JSON.stringify({ name: freshName(), value, encoding }));
    const base64 = (length: number) => Buffer.alloc(length, 0xfe).toString('base64');
    for (const reply of [
      await send('x'.repeat(65_536)),
      await send('é'.repeat(32_768)),
      await send('\u{1f511}'.repeat(16_384)),
      await send(base64(65_536), 'base64'),
    ]) {
      expect(reply.status).toBe(201);
    }
    for (const reply of [
      await send('x'.repeat(65_537)),
      await send(`${'é'.repeat(32_768)}x`),
      await send(base64(65_537), 'base64'),
    ]) {
      expect(reply).toMatchObject(tooLarge(65_536));
    }
  });
});

describe('a body with a Content-Encoding', () => {
  const json = () => JSON.stringify({ name: freshName(), value: canary });

  // LocalStack itself decompresses gzip before the function runs.
  const gzip = isLocal ? ['gzip'] : [];
  it.each([...gzip, 'deflate', 'br', 'zstd', 'identity, gzip'])(
    'gets 415 for %s',
    async (coding) => {
      const reply = await create(json(), { 'Content-Encoding': coding });
      expect(reply).toMatchObject({ status: 415, json: { code: 'unsupported_media_type' } });
      const packed = await create(gzipSync(json()), { 'Content-Encoding': coding });
      expect(packed).toMatchObject({ status: 415, json: { code: 'unsupported_media_type' } });
    },
  );

  it('is accepted for identity', async () => {
    expect((await create(json(), { 'Content-Encoding': 'identity' })).status).toBe(201);
  });
});

describe('a body with a content type', () => {
  const json = (): string => JSON.stringify({ name: freshName(), value: canary });

  it.each([
    'application/json',
    'application/json; charset=utf-8',
    'Application/JSON;charset=UTF-8',
  ])('is accepted for %s', async (type) => {
    expect((await create(json(), { 'Content-Type': type })).status).toBe(201);
  });

  it.each([
    '',
    'text/plain',
    'text/json',
    'application/x-www-form-urlencoded',
    'application/json; charset=iso-8859-1',
    'application/json; charset=utf-16',
    'application/problem+json',
    'application/jsonx',
    'application/json, text/plain',
    'multipart/form-data; boundary=x',
    'garbage',
  ])('gets 415 for %j', async (type) => {
    const reply = await create(json(), { 'Content-Type': type });
    expect(reply).toMatchObject({ status: 415, json: { code: 'unsupported_media_type' } });
    expect(reply.text).not.toContain(canary);
  });

  it('gets its size checked first, then its type, then its content', async () => {
    const headers = { 'Content-Type': 'text/html' };
    expect((await create(Buffer.alloc(1_048_577, 0xff), headers)).status).toBe(413);
    expect((await create(bytes([0xff]), headers)).status).toBe(415);
    expect((await create('{', headers)).status).toBe(415);
  });

  it('gets size and type checked before the path, the query and the headers', async () => {
    const bad = { 'If-Match': '"', 'If-None-Match': '*', 'Idempotency-Key': 'short' };
    const large = Buffer.alloc(1_048_577, canary);
    for (const [method, path] of [
      ['POST', '/v1/secrets'],
      ['PUT', '/v1/secrets/1A'],
      ['PUT', '/v1/secrets/ANY'],
      ['POST', '/v1/env'],
      ['POST', '/v1/env/encrypt'],
      ['POST', '/v1/env/expand'],
    ] as const) {
      const answer = async (raw: Raw, headers = {}) => {
        const call = { token, raw, headers: { ...bad, ...headers } };
        const reply = await vault.call(method, `${path}?x=1`, call);
        return [method, path, reply.status];
      };
      const html = { 'Content-Type': 'text/html' };
      expect(await answer(large, html)).toEqual([method, path, 413]);
      expect(await answer(large)).toEqual([method, path, 413]);
      expect(await answer(json(), html)).toEqual([method, path, 415]);
      expect(await answer(json(), { 'Content-Encoding': 'br' })).toEqual([method, path, 415]);
      expect(await answer(json())).toEqual([method, path, 400]);
    }
  });

  it('gets 415 without the header', async () => {
    const body = { token, headers: { 'Content-Type': [] } };
    for (const [method, path] of [
      ['POST', '/v1/secrets'],
      ['PUT', '/v1/secrets/ANY'],
      ['POST', '/v1/env'],
      ['POST', '/v1/env/encrypt'],
      ['POST', '/v1/env/expand'],
    ] as const) {
      const reply = await vault.call(method, path, { ...body, raw: json() });
      expect(reply).toMatchObject({ status: 415, json: { code: 'unsupported_media_type' } });
    }
  });
});
