/** The vault refuses each part of a request that is invalid, names it, repeats nothing of it and stores nothing. */
import { beforeAll, describe, expect, it } from '@jest/globals';
import { type Call, freshName, isLocal, itLocal, useVault } from '../support/running-vault.ts';

/** A text in all invalid input. */
const canary = 'c4n4ry';
const known = freshName('KNOWN');
const vault = useVault();
beforeAll(async () => {
  await vault.ask('POST', '/v1/secrets', { name: known, value: 'one' });
  await vault.ask('PUT', `/v1/secrets/${known}`, { value: 'two' });
});

type Raw = NonNullable<Call['raw']>;
/** The field, the request, and its body: an object, or a text as it is sent. */
type Row = readonly [field: string, request: string, body?: Body];
type Body = object | string | Uint8Array;

const send = (request: string, body: Body | undefined, headers: Call['headers'] = {}) => {
  const [method = '', path = ''] = request.split(' ');
  const isRaw = typeof body === 'string' || body instanceof Uint8Array;
  return vault.call(method, path, {
    token: vault.token(),
    headers,
    ...(isRaw ? { raw: body } : body && { body }),
  });
};
const invalid = (field: string) => ({ status: 400, json: { code: 'invalid_request', field } });
const cursorOf = (text: string) => Buffer.from(text).toString('base64url');
const minutesAhead = (minutes: number) => new Date(Date.now() + minutes * 60_000).toISOString();
const tooLarge = (limit: number) => ({ status: 413, json: { code: 'too_large', limit } });
const unsupported = { status: 415, json: { code: 'unsupported_media_type' } };

const create = 'POST /v1/secrets';
const put = `PUT /v1/secrets/${known}`;
const get = `GET /v1/secrets/${known}`;
const versions = `GET /v1/secrets/${known}/versions`;
const list = 'GET /v1/secrets';
const explain = `GET /v1/secrets/${known}/explain`;
const remove = `DELETE /v1/secrets/${known}`;
const destroy = `DELETE /v1/secrets/${known}/versions/1`;
const [submit, encrypt, expand] = ['POST /v1/env', 'POST /v1/env/encrypt', 'POST /v1/env/expand'];
const value = { value: canary };
const file = { content: `A=${canary}\n` };
const json = `{"name":"NEW","value":"${canary}"`;
const tag = 'a'.repeat(43);

/** A row for each body. */
const withEach = (field: string, request: string, ...all: readonly Body[]): Row[] =>
  all.map((body) => [field, request, body]);
/** A row for each end of the target, such as a query. */
const endingIn = (field: string, request: string, ...ends: readonly string[]): Row[] =>
  ends.map((end) => [field, `${request}${end}`]);

const name = 'NEW';
const bodies: readonly Row[] = [
  ...withEach('body', create, '', canary, json, `${json},}`, `${json}/* why */}`, `${json}}{}`),
  ...withEach('body', create, `\ufeff${json}}`, Buffer.from(`${json}\xff}`, 'latin1')),
  ...withEach('body', create, `${json}\0}`, `${json},"value":"${canary}"}`, `[${json}}]`, 'null'),
  ...withEach('body', create, `${json},"x":"\\ud800"}`, `${json},"${canary}":1}`),
  ...withEach('body', create, `${json},"x":${'['.repeat(8)}${']'.repeat(8)}}`),
  ...withEach('body', create, `${json},"__proto__":{}}`),
  ...withEach('name', create, value, { ...value, name: 1 }, { ...value, name: '' }),
  ...withEach('name', create, { ...value, name: `1${canary}` }, { ...value, name: `${canary}\n` }),
  ...withEach('name', create, { ...value, name: 'a'.repeat(129) }),
  ...withEach('value', create, { name }, { name, value: null }, { name, value: { [canary]: 1 } }),
  ...withEach('value', create, { name, value: 'YQ', encoding: 'base64' }),
  ...withEach('value', create, { name, value: `${canary}!`, encoding: 'base64' }),
  ...withEach('encoding', create, { ...value, name, encoding: 'hex' }),
  ...withEach('body', put, canary, { ...value, name: known }),
  ...withEach('value', put, {}),
  ...withEach('encoding', put, { ...value, encoding: null }),
  ...withEach('body', remove, canary, ' ', `["${canary}"]`, value),
  ...withEach('body', remove, `{"note":"${canary}","note":"x"}`),
];

/** Long enough to be looked for in a note. */
const long = `${canary}-${canary}`;
const notes: readonly Row[] = [
  ...withEach('note', create, { ...value, name, note: '' }, { ...value, name, note: null }),
  ...withEach('note', create, { ...value, name, note: 'é'.repeat(257) }),
  ...withEach('note', create, { name, value: long, note: `it is ${long}` }),
  ...withEach('note', put, { ...value, note: `${canary}\n` }, { ...value, note: '\u2028' }),
  ...withEach('note', put, { value: btoa(long), encoding: 'base64', note: long }),
  ...withEach('note', remove, { note: `${canary}\0` }, { note: `${canary}\u202e` }),
  ...withEach('note', remove, { note: 'x'.repeat(513) }, { note: 7 }),
  ...withEach('note', submit, { ...file, note: `${canary}\t` }),
  ...withEach('note', submit, {
    content: 'A=enc(B)\n',
    values: { B: long },
    note: `${long} is new`,
  }),
  ...withEach('note', encrypt, { content: `B=${long}\nA=enc(B)\n`, note: `${long} is new` }),
  ...withEach('note', expand, { ...file, note: canary }),
];

const instant = '2026-11-24T14:31:00Z';
const files: readonly Row[] = [
  ...withEach('body', submit, canary),
  ...withEach('body', encrypt, '{"content":"A=1","content":"A=2"}'),
  ...withEach('body', encrypt, `{"content":"A=1","values":{"A":"${canary}","A":"x"}}`),
  ...withEach('body', expand, { ...file, [canary]: 1 }),
  ...withEach('content', submit, {}),
  ...withEach('content', encrypt, { content: [canary] }),
  ...withEach('values', submit, { ...file, values: [canary] }),
  ...withEach('values', submit, { ...file, values: { [`${canary} no name`]: 'v' } }),
  ...withEach('values', encrypt, { ...file, values: { A: 1 } }),
  ...withEach('dialect', submit, { ...file, dialect: canary }),
  ...withEach('dialect', encrypt, { ...file, dialect: 'constructor' }),
  ...withEach('dialect', expand, { ...file, dialect: 'Shell' }, { ...file, dialect: 1 }),
  ...withEach('dryRun', submit, { ...file, dryRun: 'true' }),
  ...withEach('dryRun', encrypt, { ...file, dryRun: 1 }),
  ...withEach('at', submit, { ...file, at: instant }),
  ...withEach('at', encrypt, { ...file, at: instant }),
  ...withEach('at', expand, { ...file, at: 1764000000 }, { ...file, at: 'now' }),
  ...withEach('at', expand, { ...file, at: '9999-12-31T23:59:59Z' }),
  ...withEach('pin', submit, { ...file, pin: true }),
  ...withEach('pin', encrypt, { ...file, pin: false }),
  ...withEach('pin', expand, { ...file, pin: 'true' }),
  ...withEach('unless', submit, { ...file, unless: tag }),
  ...withEach('unless', encrypt, { ...file, unless: tag }),
  ...withEach('unless', expand, { ...file, unless: canary }, { ...file, unless: null }),
  ...withEach('unless', expand, { ...file, unless: `${tag}a` }),
  ...withEach('unless', expand, { ...file, unless: `${tag.slice(1)}=` }),
  ...withEach('query', `${expand}?at=${instant}`, file),
  ...withEach('query', `${encrypt}?dryRun=true`, file),
];

/** These send a file as text. Its options are in the query, but never its values: URLs get logged. */
const textFiles: readonly Row[] = [
  ...endingIn('dialect', expand, '?dialect=', '?dialect=fish', '?dialect=shell&dialect=shell'),
  ['dryRun', `${encrypt}?dryRun=1`],
  ['at', `${expand}?at=now`],
  ['at', `${submit}?at=${instant}`],
  ['at', `${encrypt}?at=${instant}`],
  ['pin', `${expand}?pin=false`],
  ['query', `${encrypt}?values=${canary}`],
  ['query', `${submit}?note=${canary}`],
  ['query', `${expand}?unless=${tag}`],
  ['body', expand, Buffer.from('A=\xff', 'latin1')],
];

/** Some gateways would route these to another path. */
const localPaths = isLocal ? ['/A%2Fversions', '/A;v=1'] : [];
const parameters: readonly Row[] = [
  ...endingIn('name', list, ...localPaths, `/1${canary}`, '/A%00', `/${'a'.repeat(129)}`),
  ...endingIn('name', list, '/A%20B/versions'),
  ['name', 'PUT /v1/secrets/%C3%A9', value],
  ...endingIn('version', get, '?version=', '?version=0', '?version=01', '?version=1000000000'),
  ...endingIn('version', get, '?version=1&version=1'),
  ...endingIn('at', get, '?at=', '?at=2026-11-24T14:31:00', '?at=2026-02-30T00:00:00Z'),
  ...endingIn('at', get, `?at=${minutesAhead(11)}`, `?version=1&at=${instant}`),
  ...endingIn('limit', list, '?limit=', '?limit=0', '?limit=1001', '?limit=1&limit=2'),
  ...endingIn('limit', versions, '?limit=101', '?limit=11&include=values'),
  ...endingIn('limit', list, '?limit=51&include=details'),
  ...endingIn('state', list, '?state=', '?state=Deleted', '?state=destroyed'),
  ...endingIn('state', list, '?state=deleted&state=deleted'),
  ...endingIn('include', list, '?include=', '?include=values'),
  ...endingIn('scopes', explain, '?scopes=', `?scopes=${canary}`, '?scopes=secrets:read,'),
  ...endingIn('scopes', explain, '?scopes=secrets:read%20secrets:write', '?scopes=toString'),
  ...endingIn('scopes', explain, '?scopes=secrets:read&scopes=secrets:read'),
  ...endingIn('names', explain, '?names=', '?names=A,', `?names=${canary}*x`, '?names=1A'),
  ...endingIn('names', explain, `?names=${'A,'.repeat(50)}A`, '?names=A&names=B'),
  ...endingIn('name', list, '/1A/explain'),
  ...endingIn('version', `${remove}/versions`, '/0', '/01', '/-1', '/1000000000', '/latest'),
  ...endingIn('name', 'DELETE /v1/secrets', `/1${canary}`, `/1${canary}/versions/1`),
  ...endingIn('order', versions, '?order=DESC'),
  ...endingIn('include', versions, '?include=value'),
  ...endingIn('prefix', list, '?prefix=1A', '?prefix=A*'),
  ...endingIn('cursor', list, '?cursor=', `?cursor=${cursorOf('TENANT#acme')}`),
  ...endingIn('cursor', list, `?cursor=${'a'.repeat(3_000)}`),
  ...endingIn('cursor', versions, '?cursor=', `?cursor=${cursorOf('2')}==`),
  ...endingIn('cursor', versions, `?cursor=${cursorOf('0')}`),
  ['query', `${create}?${canary}=1`, { ...value, name }],
  ['query', `${put}?Version=1`, value],
  ...endingIn('query', get, `?${canary}`),
  ...endingIn('query', versions, '?toString=1', '?state=deleted'),
  ...endingIn('query', remove, '?version=2', `/versions/1?${canary}=1`),
  ...endingIn('query', list, '?__proto__=1'),
  ...endingIn('query', explain, '?scope=secrets:read', '?version=1'),
  ...endingIn('query', 'GET /v1/whoami', `?${canary}=1`),
  ...[submit, encrypt, expand].map((route): Row => ['query', `${route}?${canary}=1`, file]),
  ['query', `GET /v1/status?${canary}=1`],
];

const key = '0b7cd2f3-63a5-4c52-a2dd-4d9d2a7f9a31';
const headers: readonly (readonly [string, string | readonly string[]])[] = [
  ['If-Match', ''],
  ['If-Match', '1'],
  ['If-Match', '*, "1"'],
  ['If-Match', '"1" "2"'],
  ['If-None-Match', '*'],
  ['Idempotency-Key', ''],
  ['Idempotency-Key', 'fifteen-visible'],
  ['Idempotency-Key', 'v'.repeat(129)],
  ['Idempotency-Key', 'with a blank in between'],
  ['Idempotency-Key', Buffer.from('with-an-é-in-between').toString('latin1')],
  // Some gateways join two headers into one.
  ...(isLocal ? [['Idempotency-Key', [key, key]] as const] : []),
];

describe('the vault', () => {
  it.each([...bodies, ...notes, ...files, ...parameters])(
    'answers 400 and names the field %s of %s with the body %j',
    // Without a default, Jest would pass its callback to a row without a body.
    async (field, request, body = undefined) => {
      const reply = await send(request, body);
      expect(reply).toMatchObject(invalid(field));
      expect(reply.text).not.toContain(canary);
    },
  );

  it.each(textFiles)(
    'answers 400 and names the field %s of %s with a text file',
    async (field, request, body = 'A=1\n') => {
      const reply = await send(request, body, { 'Content-Type': 'text/plain' });
      expect(reply).toMatchObject(invalid(field));
      expect(reply.text).not.toContain(canary);
    },
  );

  it.each(headers)('answers 400 to an update or a deletion with %s: %j', async (name, content) => {
    for (const [request, body] of [[put, value] as const, [remove] as const]) {
      const reply = await send(request, body, { [name]: [content].flat() });
      expect(reply).toMatchObject(invalid(name.toLowerCase()));
    }
  });

  it.each([
    ['if-none-match', get, { 'If-None-Match': '1' }],
    ['if-match', get, { 'If-Match': '"1"' }],
    ['if-match', destroy, { 'If-Match': '"1"' }],
    ['if-match', `DELETE /v1/secrets/${freshName()}/versions/1`, { 'If-Match': '*' }],
  ])('answers 400 and names the header %s of %s', async (field, request, given) => {
    expect(await send(request, undefined, given)).toMatchObject(invalid(field));
  });

  it('answers 404 to the destruction of a missing secret and of a version that it never had', async () => {
    const missing = { status: 404, json: { code: 'not_found' } };
    expect(await send(`DELETE /v1/secrets/${freshName()}/versions/1`, undefined)).toMatchObject(
      missing,
    );
    expect(await send(`${remove}/versions/3`, undefined)).toMatchObject(missing);
    expect(await send(`${remove}/versions/999999999`, undefined)).toMatchObject(missing);
  });

  it('checks the header If-Match even if the secret is missing', async () => {
    const missing = `PUT /v1/secrets/${freshName()}`;
    expect(await send(missing, value, { 'If-Match': '1' })).toMatchObject(invalid('if-match'));
  });

  it.each([
    [create, { ...value, name: 'NEW' }],
    [submit, file],
    [encrypt, file],
  ])('answers 400 to %s with an invalid Idempotency-Key', async (request, body) => {
    const reply = await send(request, body, { 'Idempotency-Key': 'short' });
    expect(reply).toMatchObject(invalid('idempotency-key'));
  });

  it('answers 400 to pin and to unless if the reply is a bare file', async () => {
    const accept = { Accept: 'text/plain' };
    expect(await send(expand, { ...file, pin: true }, accept)).toMatchObject(invalid('pin'));
    expect(await send(expand, { ...file, unless: tag }, accept)).toMatchObject(invalid('unless'));
    const bare = await send(expand, { content: 'A=1', pin: false }, accept);
    expect(bare.text).toBe('A=1');
  });

  it('answers 400 to a cursor with a name hidden from the caller', async () => {
    const blind = vault.token({ names: ['OTHER.*'] });
    const path = `/v1/secrets?cursor=${cursorOf(known)}`;
    expect(await vault.call('GET', path, { token: blind })).toMatchObject(invalid('cursor'));
  });

  it('accepts what is just within the bounds', async () => {
    expect((await send(`${get}?version=999999999`, undefined)).status).toBe(404);
    expect((await send(`${get}?at=${minutesAhead(9)}`, undefined)).json.value).toBe('two');
    const name = freshName('BODY');
    const note = 'é'.repeat(256);
    expect((await send(create, { name, ...value, note })).status).toBe(201);
    expect((await send(`GET /v1/secrets/${name}`, undefined)).json.note).toBe(note);
    const page = await send(`${list}?limit=50&include=details&prefix=${name}`, undefined);
    expect(page.json.secrets).toMatchObject([{ name, note }]);
  });

  it('ignores the X-Request-Id of a caller', async () => {
    const reply = await send(list, undefined, { 'X-Request-Id': 'of-the-caller' });
    expect(reply.headers.get('x-request-id')).not.toBe('of-the-caller');
  });
});

describe('a body', () => {
  const text = () => JSON.stringify({ name: freshName('BODY'), value: canary });
  const typed = (type: string | string[]) => ({ 'Content-Type': type });
  const withBody = [create, put, remove, submit, encrypt, expand];

  it('is accepted up to 1,048,576 bytes, and answered with 413 beyond', async () => {
    expect((await send(create, text().padEnd(1_048_576))).status).toBe(201);
    expect(await send(create, text().padEnd(1_048_577))).toMatchObject(tooLarge(1_048_576));
  });

  // Another gateway answers this one itself.
  itLocal('of 10 MB gets 413', async () => {
    const reply = await send(create, Buffer.alloc(10_000_000, canary));
    expect(reply).toMatchObject(tooLarge(1_048_576));
    expect(reply.text).not.toContain(canary);
  });

  it('is accepted with a value of 65,536 bytes in either encoding, and refused beyond', async () => {
    const sent = (content: string, encoding: string) =>
      send(create, { name: freshName('BODY'), value: content, encoding });
    const base64 = (length: number) => Buffer.alloc(length, 0xfe).toString('base64');
    expect((await sent('é'.repeat(32_768), 'utf8')).status).toBe(201);
    expect((await sent(base64(65_536), 'base64')).status).toBe(201);
    expect(await sent(`${'é'.repeat(32_768)}x`, 'utf8')).toMatchObject(tooLarge(65_536));
    expect(await sent(base64(65_537), 'base64')).toMatchObject(tooLarge(65_536));
  });

  // LocalStack itself decompresses gzip before the function runs.
  it.each([...(isLocal ? ['gzip'] : []), 'br', 'identity, gzip'])(
    'gets 415 with the Content-Encoding %s',
    async (coding) => {
      const reply = await send(create, text(), { 'Content-Encoding': coding });
      expect(reply).toMatchObject(unsupported);
    },
  );

  it('is accepted with another spelling of its type, and with the Content-Encoding identity', async () => {
    const accepted = { ...typed('Application/JSON;charset=UTF-8'), 'Content-Encoding': 'identity' };
    expect((await send(create, text(), accepted)).status).toBe(201);
  });

  it.each([
    '',
    'text/plain',
    'application/json; charset=utf-16',
    'application/problem+json',
    'application/jsonx',
    'application/json, text/plain',
    'multipart/form-data; boundary=x',
  ])('gets 415 with the type %j', async (type) => {
    const reply = await send(create, text(), typed(type));
    expect(reply).toMatchObject(unsupported);
    expect(reply.text).not.toContain(canary);
  });

  it.each(withBody)('is refused with 415 without a type: %s', async (request) => {
    expect(await send(request, text(), typed([]))).toMatchObject(unsupported);
  });

  it('of a deletion stores no note if it is missing, empty or an empty object', async () => {
    for (const [body, type] of [
      [undefined, []],
      ['', []],
      ['', 'text/html'],
      ['{}', 'application/json'],
    ] as const) {
      const name = freshName('BODY');
      expect((await send(create, { name, ...value })).status).toBe(201);
      const deleted = await send(`DELETE /v1/secrets/${name}`, body, typed([type].flat()));
      expect(deleted).toMatchObject({ status: 200, json: { version: 2 } });
    }
  });

  it('is ignored by a destruction', async () => {
    const name = freshName('BODY');
    await send(create, { name, ...value });
    await send(`PUT /v1/secrets/${name}`, value);
    const destroyed = await send(`DELETE /v1/secrets/${name}/versions/1`, canary);
    expect([destroyed.status, destroyed.text.includes(canary)]).toEqual([200, false]);
  });

  it('is checked for its size first, then for coding and type, then for its content', async () => {
    const large: Raw = Buffer.alloc(1_048_577, canary);
    const answer = async (body: Raw, given = {}) => {
      const bad = { 'If-Match': '"', 'If-None-Match': '*', 'Idempotency-Key': 'short' };
      return (await send('PUT /v1/secrets/1A?x=1', body, { ...bad, ...given })).status;
    };
    expect(await answer(large, typed('text/html'))).toBe(413);
    expect(await answer('{', typed('text/html'))).toBe(415);
    expect(await answer('{', { 'Content-Encoding': 'br' })).toBe(415);
    expect(await answer('{')).toBe(400);
  });
});

describe('after all refusals', () => {
  it('the vault holds only what was accepted', async () => {
    expect((await send(get, undefined)).json).toMatchObject({ version: 2, value: 'two' });
    const { json: listed } = await send(list, undefined);
    expect(listed.names?.filter((name) => !name.startsWith('BODY'))).toEqual([known]);
  });
});

describe('an unusual name or key', () => {
  it.each(['__proto__', 'constructor', 'a'.repeat(128)])('is accepted: %s', async (name) => {
    const idempotencyKey = { 'Idempotency-Key': name.padEnd(16, '~') };
    expect((await send(create, { name, value: 'v' }, idempotencyKey)).status).toBe(201);
    const { json: found } = await send(`GET /v1/secrets/${name}`, undefined);
    expect(found).toMatchObject({ name, value: 'v' });
  });
});
