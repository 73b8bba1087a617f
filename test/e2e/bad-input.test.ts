/**
 * The vault refuses every kind of invalid request and names the invalid part. It repeats nothing
 * from the request, and stores nothing.
 */
import { beforeAll, describe, expect, it } from '@jest/globals';
import { type Call, freshName, isLocal, useVault } from '../support/running-vault.ts';

/** Appears in all invalid input, so a reply that repeats input is noticed. */
const canary = 'c4n4ry';
const known = freshName('KNOWN');
const vault = useVault();
beforeAll(async () => {
  await vault.ask('POST', '/v1/secrets', { name: known, value: 'one' });
  await vault.ask('PUT', `/v1/secrets/${known}`, { value: 'two' });
});

/**
 * The field, the request, and its body: an object that is sent as JSON, or text that is sent as it
 * is.
 */
type Row = readonly [field: string, request: string, body?: Body];
type Body = object | string;

const send = (request: string, body: Body | undefined, headers: Call['headers'] = {}) => {
  const [method = '', path = ''] = request.split(' ');
  return vault.call(method, path, {
    token: vault.token(),
    headers,
    ...(typeof body === 'string' ? { raw: body } : body && { body }),
  });
};
const invalid = (field: string) => ({ status: 400, json: { code: 'invalid_request', field } });
const cursorOf = (text: string) => Buffer.from(text).toString('base64url');
const minutesAhead = (minutes: number) => new Date(Date.now() + minutes * 60_000).toISOString();

const create = 'POST /v1/secrets';
const put = `PUT /v1/secrets/${known}`;
const get = `GET /v1/secrets/${known}`;
const versions = `GET /v1/secrets/${known}/versions`;
const list = 'GET /v1/secrets';
const explain = `GET /v1/secrets/${known}/explain`;
const copy = `POST /v1/secrets/${known}/copies`;
const past = { from: { version: 1 } };
const remove = `DELETE /v1/secrets/${known}`;
const [submit, encrypt, expand] = ['POST /v1/env', 'POST /v1/env/encrypt', 'POST /v1/env/expand'];
const value = { value: canary };
const file = { content: `A=${canary}\n` };
const tag = 'a'.repeat(43);

/** Returns one row for each body, all with the same field and request. */
const withEach = (field: string, request: string, ...all: readonly Body[]): Row[] =>
  all.map((body) => [field, request, body]);
/** Returns one row for each ending of the request's URL, such as a query. */
const endingIn = (field: string, request: string, ...ends: readonly string[]): Row[] =>
  ends.map((end) => [field, `${request}${end}`]);

const name = 'NEW';
/** A value so long that the vault searches the note of the request for it. */
const long = `${canary}-${canary}`;
const bodies: readonly Row[] = [
  ...withEach('body', create, canary, `{"name":"NEW","value":"${canary}","${canary}":1}`),
  ...withEach('name', create, value, { ...value, name: `1${canary}` }),
  ...withEach('value', create, { name }, { name, value: `${canary}!`, encoding: 'base64' }),
  ...withEach('encoding', create, { ...value, name, encoding: 'hex' }),
  ...withEach('note', create, { ...value, name, note: '' }, { name, value: long, note: long }),
  ...withEach('body', put, canary, { ...value, name: known }),
  ...withEach('value', put, {}),
  ...withEach('note', put, { ...value, note: `${canary}\n` }),
  ...withEach('note', put, { value: btoa(long), encoding: 'base64', note: long }),
  ...withEach('from', copy, {}, { from: {} }, { from: canary }, { from: { name: `1${canary}` } }),
  ...withEach('from', copy, { from: { version: 0 } }, { from: { version: '1' } }),
  ...withEach(
    'body',
    copy,
    canary,
    { ...past, [canary]: 1 },
    { from: { version: 1, [canary]: 1 } },
  ),
  ...withEach('value', copy, { ...past, ...value }),
  ...withEach('create', copy, { ...past, create: 'true' }),
  ...withEach('note', copy, { ...past, note: `${canary}\n` }),
  ...withEach('query', `${copy}?version=1`, past),
  ...withEach('body', remove, canary, ' ', value),
  ...withEach('note', remove, { note: `${canary}\0` }),
];

const instant = '2026-11-24T14:31:00Z';
const files: readonly Row[] = [
  ...withEach('body', expand, { ...file, [canary]: 1 }),
  ...withEach('content', submit, {}),
  ...withEach('values', submit, { ...file, values: [canary] }),
  ...withEach('values', submit, { ...file, values: { [`${canary} no name`]: 'v' } }),
  ...withEach('ifVersions', submit, { ...file, ifVersions: { [canary]: '1' } }),
  ...withEach('ifVersions', encrypt, { ...file, ifVersions: { [canary]: 1 } }),
  ...withEach('ifVersions', expand, { ...file, ifVersions: {} }),
  ...withEach('dialect', encrypt, { ...file, dialect: 'constructor' }),
  ...withEach('dryRun', submit, { ...file, dryRun: 'true' }),
  ...withEach('at', submit, { ...file, at: instant }),
  ...withEach('at', expand, { ...file, at: 'now' }),
  ...withEach('pin', encrypt, { ...file, pin: false }),
  ...withEach('pin', expand, { ...file, pin: 'true' }),
  ...withEach('note', encrypt, { content: `B=${long}\nA=enc(B)\n`, note: `${long} is new` }),
  ...withEach('query', `${expand}?at=${instant}`, file),
];

/** Files sent as text. Options go in the query, but values may not, because URLs are logged. */
const textFiles: readonly Row[] = [
  ...endingIn('dialect', expand, '?dialect=', '?dialect=fish'),
  ['dryRun', `${encrypt}?dryRun=1`],
  ['at', `${expand}?at=now`],
  ['pin', `${expand}?pin=false`],
  ['query', `${encrypt}?values=${canary}`],
  ['query', `${submit}?note=${canary}`],
  ['query', `${expand}?unless=${tag}`],
];

/** Paths that some gateways would change, so only the local vault gets them. */
const localPaths = isLocal ? ['/A%2Fversions', '/A;v=1'] : [];
const parameters: readonly Row[] = [
  ...endingIn('name', list, ...localPaths, `/1${canary}`, '/A%20B/versions', '/1A/explain'),
  ['name', 'PUT /v1/secrets/%C3%A9', value],
  ...endingIn('name', 'DELETE /v1/secrets', `/1${canary}`, `/1${canary}/versions/1`),
  ...endingIn('version', get, '?version=0', '?version=1&version=1'),
  ...endingIn('at', get, `?at=${minutesAhead(11)}`, `?version=1&at=${instant}`),
  ...endingIn('limit', list, '?limit=1001', '?limit=51&include=details'),
  ...endingIn('limit', versions, '?limit=101', '?limit=11&include=values'),
  ...endingIn('state', list, '?state=', '?state=destroyed'),
  ...endingIn('include', list, '?include=values'),
  ...endingIn('scopes', explain, '?scopes=', '?scopes=secrets:read,', '?scopes=toString'),
  ...endingIn('names', explain, '?names=A,', '?names=1A', `?names=${'A,'.repeat(50)}A`),
  ...endingIn('version', `${remove}/versions`, '/0', '/latest'),
  ...endingIn('order', versions, '?order=DESC'),
  ...endingIn('include', versions, '?include=value'),
  ...endingIn('prefix', list, '?prefix=A*'),
  ...endingIn('cursor', list, `?cursor=${cursorOf('TENANT#acme')}`),
  ...endingIn('cursor', versions, `?cursor=${cursorOf('0')}`),
  ...endingIn('query', versions, '?state=deleted'),
  ...endingIn('query', remove, '?version=2'),
  ...endingIn('query', explain, '?scope=secrets:read'),
];

describe('the vault', () => {
  it.each([...bodies, ...files, ...parameters])(
    'answers 400 and names the field %s of %s with the body %j',
    // The default is needed: for a row without a body, Jest would pass its callback here.
    async (field, request, body = undefined) => {
      const reply = await send(request, body);
      expect(reply).toMatchObject(invalid(field));
      expect(reply.text).not.toContain(canary);
    },
  );

  it.each(textFiles)(
    'answers 400 and names the field %s of %s with a text file',
    async (field, request) => {
      const reply = await send(request, 'A=1\n', { 'Content-Type': 'text/plain' });
      expect(reply).toMatchObject(invalid(field));
      expect(reply.text).not.toContain(canary);
    },
  );

  it.each([
    [create, { ...value, name }],
    [put, value],
    [copy, past],
    [remove, undefined],
    [submit, file],
    [encrypt, file],
  ])('answers 400 to %s with an invalid Idempotency-Key', async (request, body) => {
    const reply = await send(request, body, { 'Idempotency-Key': 'short' });
    expect(reply).toMatchObject(invalid('idempotency-key'));
  });

  it('answers 400 to the option pin if the reply is text/plain, which has no place for the pinned file', async () => {
    const accept = { Accept: 'text/plain' };
    expect(await send(expand, { ...file, pin: true }, accept)).toMatchObject(invalid('pin'));
    expect((await send(expand, { content: 'A=1', pin: false }, accept)).text).toBe('A=1');
  });

  it('answers 400 to a copy that has both the option create and If-Match', async () => {
    const reply = await send(copy, { ...past, create: true }, { 'If-Match': '"2"' });
    expect(reply).toMatchObject(invalid('if-match'));
  });

  it('answers 403 to a well-formed copy of another secret by a token without secrets:read', async () => {
    const token = vault.token({ scope: 'secrets:write' });
    const path = `/v1/secrets/${known}/copies`;
    const ask = (from: object, more = {}) =>
      vault.call('POST', path, { token, body: { from, ...more } });
    const lacking = { status: 403, json: { code: 'forbidden', scope: 'secrets:read' } };
    expect(await ask({ name: 'OTHER' })).toMatchObject(lacking);
    expect(await ask({ name: 'OTHER' }, value)).toMatchObject(invalid('value'));
    const own = await ask({ name: known, version: 9 });
    expect(own).toMatchObject({ status: 404, json: { field: 'from' } });
  });

  it('answers 400 to a cursor with a name hidden from the caller', async () => {
    const blind = vault.token({ names: ['OTHER.*'] });
    const path = `/v1/secrets?cursor=${cursorOf(known)}`;
    expect(await vault.call('GET', path, { token: blind })).toMatchObject(invalid('cursor'));
  });

  it.each([
    [`${list}?limit=1000`],
    [`${list}?limit=50&include=details`],
    [`${versions}?limit=100`],
    [`${versions}?limit=10&include=values`],
  ])('accepts the largest page: %s', async (request) => {
    expect((await send(request, undefined)).status).toBe(200);
  });
});

describe('the body of a request', () => {
  const text = () => JSON.stringify({ name: freshName('BODY'), value: canary });

  it('is accepted up to 1,048,576 bytes, and a longer one is answered with 413', async () => {
    expect((await send(create, text().padEnd(1_048_576))).status).toBe(201);
    expect(await send(create, text().padEnd(1_048_577))).toMatchObject({
      status: 413,
      json: { code: 'too_large', limit: 1_048_576 },
    });
  });

  it.each([create, put, remove])('of text is answered with 415: %s', async (request) => {
    const reply = await send(request, text(), { 'Content-Type': 'text/plain' });
    expect(reply).toMatchObject({ status: 415, json: { code: 'unsupported_media_type' } });
    expect(reply.text).not.toContain(canary);
  });

  it.each([
    [undefined, {}],
    ['', { 'Content-Type': 'text/html' }],
    ['{}', {}],
  ])('%j is accepted for a deletion', async (body, headers) => {
    const name = freshName('BODY');
    expect((await send(create, { name, ...value })).status).toBe(201);
    const deleted = await send(`DELETE /v1/secrets/${name}`, body, headers);
    expect(deleted).toMatchObject({ status: 200, json: { version: 2 } });
  });
});

describe('after all refusals,', () => {
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
