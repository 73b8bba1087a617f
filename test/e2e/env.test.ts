/**
 * `.env` files in requests, as bare text and in JSON: the form of the reply, options, dry runs, and
 * secrets that were deleted.
 */
import { describe, expect, it } from '@jest/globals';
import { type Call, freshName, useVault } from '../support/running-vault.ts';

const vault = useVault();

type Route = '' | '/encrypt' | '/expand';
const post = (route: Route, call: Call, query = '') =>
  vault.call('POST', `/v1/env${route}${query}`, { token: vault.token(), ...call });
const json = (route: Route, content: string, members = {}) =>
  post(route, { body: { content, ...members } });
const readBack = async (name: string) => (await vault.ask('GET', `/v1/secrets/${name}`)).json.value;

describe('a bare .env file', () => {
  it('is returned bare with every byte unchanged except its references', async () => {
    const name = await vault.create('a b');
    const file = `\ufeff# kept\r\n\r\n  X = 'y' # kept\nA="secret(${name})"\nLAST=1`;
    const reply = await post('/expand', { file });
    expect(reply.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    expect(reply.text).toBe(file.replace(`"secret(${name})"`, "'a b'"));
  });

  it('is returned bare for a JSON request if text/plain is asked for, but problems stay JSON', async () => {
    const name = await vault.create('v');
    const headers = { Accept: 'text/plain' };
    const body = { content: `A=secret(${name})\n` };
    expect((await post('/expand', { body, headers })).text).toBe('A=v\n');
    const refused = await post('/expand', { body: { content: 'A' }, headers });
    expect(refused.headers.get('content-type')).toBe('application/problem+json');
    expect((await post('/expand', { file: 'A' })).status).toBe(422);
  });

  it.each([
    ['text/plain; charset=utf-8', true],
    ['TEXT/PLAIN', true],
    ['text/plain;q=0.9', true],
    ['*/*', false],
    ['application/json', false],
    ['text/html', false],
    ['text/plainer', false],
    ['application/json, text/plain', false],
    // Two header lines, which together are one list (RFC 9110, 5.3).
    [['application/json', 'text/plain'], false],
  ])('is returned bare for a JSON request with Accept %s: %s', async (accept, isText) => {
    const reply = await post('/expand', { body: { content: 'A=1' }, headers: { Accept: accept } });
    expect(reply.status).toBe(200);
    expect(reply.headers.get('content-type')?.startsWith('text/plain')).toBe(isText);
  });

  it('is read with the options in the query', async () => {
    const [old, fresh] = [await vault.create('v'), freshName()];
    const { json: update } = await vault.ask('PUT', `/v1/secrets/${old}`, { value: 'w' });
    const query = `?dialect=json&at=${update.validFrom}`;
    await vault.ask('PUT', `/v1/secrets/${old}`, { value: 'x' });
    const rendered = await post('/expand', { file: `A=secret(${old})\n` }, query);
    expect(JSON.parse(rendered.text)).toEqual({ A: 'w' });
    const dry = await post('/encrypt', { file: `${fresh}=v\nA=enc(${fresh})\n` }, '?dryRun=true');
    expect(dry.text).toBe(`${fresh}=secret(${fresh})\nA=secret(${fresh})\n`);
    expect(await readBack(fresh)).toBeUndefined();
  });

  it('stays empty if it is empty', async () => {
    for (const route of ['', '/encrypt', '/expand'] as const) {
      expect((await post(route, { file: '' })).text).toBe('');
      expect((await json(route, '')).json).toEqual({
        content: '',
        created: [],
        resolved: [],
        warnings: [],
        ...(route === '/expand' && { tag: expect.any(String) }),
      });
    }
  });
});

describe('the warnings in a reply', () => {
  it('name each other line of the file in which a stored value appears', async () => {
    const name = freshName();
    const content = `${name}=canary-12345\nA=enc(${name})\nB=canary-12345\nC='see canary-12345'\n`;
    const reply = await json('/encrypt', content);
    expect(reply.json.warnings).toEqual([
      { line: 3, code: 'value_elsewhere' },
      { line: 4, code: 'value_elsewhere' },
    ]);
  });
});

describe('the dialect json', () => {
  it('is refused with 400 for a file with enc() and by /v1/env/encrypt, and nothing is stored', async () => {
    const name = freshName();
    const content = `${name}=v\nA=enc(${name})\n`;
    for (const route of ['', '/encrypt'] as const) {
      const reply = await json(route, content, { dialect: 'json' });
      expect(reply).toMatchObject({ status: 400, json: { field: 'dialect' } });
    }
    expect(await readBack(name)).toBeUndefined();
    const old = await vault.create('v');
    expect((await json('', `A=secret(${old})`, { dialect: 'json' })).status).toBe(200);
    expect((await json('/encrypt', 'A=1', { dialect: 'json' })).status).toBe(400);
  });
});

/**
 * Turns the answer of a request into the answer of its dry run, which has no anchors because it
 * writes no version.
 */
const foretold = (text: string): string =>
  text.replace(/"created":\[.*?\]/, (created) => created.replaceAll(/,"anchor":"[^"]*"/g, ''));

describe('dryRun', () => {
  it('answers like the real request and stores nothing', async () => {
    const [name, old] = [freshName(), await vault.create('v')];
    const content = `${name}=w\nA="enc(${name})"\nB=secret(${old})\n`;
    const dry = await json('', content, { dryRun: true });
    expect(await readBack(name)).toBeUndefined();
    const real = await json('', content);
    expect([dry.status, dry.text]).toEqual([real.status, foretold(real.text)]);
    expect(await readBack(name)).toBe('w');
  });
});

describe('a .env file with deleted secrets', () => {
  const ended = async (value: string): Promise<string> => {
    const name = await vault.create(value);
    expect((await vault.ask('DELETE', `/v1/secrets/${name}`)).status).toBe(200);
    return name;
  };

  it.each(['', '/encrypt'] as const)(
    'creates them again with their next version and a note, as a dry run predicts: /v1/env%s',
    async (route) => {
      const [again, fresh] = [await ended('one'), freshName()];
      const content = `A=enc(${again})\nB=enc(${fresh})\n`;
      const sent = { values: { [again]: 'three', [fresh]: 'first' }, note: 'for the new team' };
      const dry = await json(route, content, { ...sent, dryRun: true });
      expect(await readBack(again)).toBeUndefined();
      const real = await json(route, content, sent);
      expect([dry.status, dry.text]).toEqual([200, foretold(real.text)]);
      expect(real.json.created).toMatchObject([
        { name: again, version: 3 },
        { name: fresh, version: 1 },
      ]);
      for (const [name, version] of [
        [again, 3],
        [fresh, 1],
      ] as const) {
        const { json: stored } = await vault.ask('GET', `/v1/secrets/${name}`);
        expect(stored).toMatchObject({ version, note: 'for the new team' });
      }
      const twice = await json(route, content, sent);
      expect(twice).toMatchObject({ status: 409, json: { errorsTotal: 2 } });
    },
  );
});

describe('secrets and keys with the names of JavaScript built-ins', () => {
  it('are stored and expanded like secrets and keys with ordinary names', async () => {
    const words = ['constructor', '__proto__', 'toString', 'valueOf'];
    const content = words.map((word) => `${word}=enc(${word})\n`).join('');
    const values = `{${words.map((word) => `"${word}":"of ${word}"`).join()}}`;
    const raw = `{"content":${JSON.stringify(content)},"values":${values}}`;
    const stored = await post('/encrypt', { raw });
    expect(stored.json.created?.map(({ name }) => name)).toEqual(words);
    const expanded = await json('/expand', stored.json.content ?? '');
    expect(expanded.json.content).toBe(words.map((word) => `${word}='of ${word}'\n`).join(''));
  });
});
