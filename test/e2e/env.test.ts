/** Both forms of .env files, their reports and the order of reports, instants, pins and the limits. */
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
  it('is returned bare with every byte except its references', async () => {
    const name = await vault.create('a b');
    const file = `\ufeff# kept\r\n\r\n  X = 'y' # kept\nA="secret(${name})"\nLAST=1`;
    const reply = await post('/expand', { file });
    expect(reply.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    expect(reply.text).toBe(file.replace(`"secret(${name})"`, "'a b'"));
  });

  it('is returned bare from JSON if text/plain is requested, but problems stay JSON', async () => {
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
    // A list may stand in several lines (RFC 9110, 5.3).
    [['application/json', 'text/plain'], false],
  ])('is returned bare from JSON with Accept %s: %s', async (accept, isText) => {
    const reply = await post('/expand', { body: { content: 'A=1' }, headers: { Accept: accept } });
    expect(reply.status).toBe(200);
    expect(reply.headers.get('content-type')?.startsWith('text/plain')).toBe(isText);
  });

  it('is read with the options of the query', async () => {
    const [old, fresh] = [await vault.create('v'), freshName()];
    const rendered = await post('/expand', { file: `A=secret(${old})\n` }, '?dialect=json');
    expect(JSON.parse(rendered.text)).toEqual({ A: 'v' });
    const dry = await post('/encrypt', { file: `${fresh}=v\nA=enc(${fresh})\n` }, '?dryRun=true');
    expect(dry.text).toBe(`${fresh}=secret(${fresh})\nA=secret(${fresh})\n`);
    expect(await readBack(fresh)).toBeUndefined();
  });

  it('is returned empty if it is empty', async () => {
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

describe('the lists of a reply', () => {
  it('warn of a stored value that also appears elsewhere in the file', async () => {
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
  it('answers 400 and stores nothing for a file with enc()', async () => {
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

/** The answer of a dry run, which makes no write that an anchor could stand for. */
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

describe('a .env file with several errors', () => {
  it('is refused with every bad line at once, by line, column and code, without its text', async () => {
    const content = [
      'NO_EQUALS_c4n4ry',
      "A='c4n4ry' text",
      'B="c4n4ry\\q"',
      'C=enc(c4n4ry hunter2)',
      'D=Secret(c4n4ry)',
      'E=enc(c4n4ry)',
      'F=1',
      'F=c4n4ry',
      '1G=c4n4ry',
      'H="c4n4ry',
    ].join('\n');
    const reply = await json('/encrypt', content);
    expect(reply.json.errors?.map(({ line, code }) => [line, code])).toEqual([
      [1, 'missing_equals'],
      [2, 'text_after_quote'],
      [3, 'bad_escape'],
      [4, 'malformed_reference'],
      [5, 'malformed_reference'],
      [6, 'unresolved_value'],
      [8, 'duplicate_key'],
      [9, 'bad_key'],
      [10, 'unterminated_quote'],
    ]);
    expect(reply.text).not.toMatch(/c4n4ry|hunter2/);
  });
});

describe('the limits of a .env file', () => {
  const tooLarge = (limit: number) => ({ status: 413, json: { code: 'too_large', limit } });

  it('allow 96 names, new and read together', async () => {
    const names = Array.from({ length: 97 }, () => freshName('MANY'));
    const file = (count: number) =>
      names.slice(0, count).map((name, index) => `K${index}=enc(${name})\n`);
    const values = (count: number) =>
      Object.fromEntries(names.slice(0, count).map((name) => [name, `v-${name}`]));
    const refused = await json('/encrypt', file(97).join(''), { values: values(97) });
    expect(refused).toMatchObject(tooLarge(96));
    expect(await readBack(names[0] ?? '')).toBeUndefined();
    const stored = await json('/encrypt', file(96).join(''), { values: values(96) });
    expect(stored.json.created).toHaveLength(96);
    const expanded = await json('/expand', stored.json.content ?? '');
    expect(expanded.json.content).toContain(`K95=v-${names[95]}\n`);
    const more = `${stored.json.content}LAST=secret(${names[96]})\n`;
    expect(await json('/expand', more)).toMatchObject(tooLarge(96));
  });

  it('allow 262,144 bytes of file', async () => {
    const file = (length: number) => `A=${'é'.repeat((length - 2) / 2)}`;
    expect((await post('/expand', { file: file(262_144) })).text).toBe(file(262_144));
    expect(await post('/expand', { file: file(262_146) })).toMatchObject(tooLarge(262_144));
    expect(await json('/encrypt', file(262_146))).toMatchObject(tooLarge(262_144));
  });
});

describe('a .env file with deleted secrets', () => {
  const ended = async (value: string): Promise<string> => {
    const name = await vault.create(value);
    expect((await vault.ask('DELETE', `/v1/secrets/${name}`)).status).toBe(200);
    return name;
  };

  it.each(['', '/encrypt'] as const)(
    'creates them again with their next version and a note, as a dry run foretells: /v1/env%s',
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

describe('names and keys of JavaScript built-ins', () => {
  it('work like any other', async () => {
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

describe('a .env file as of an instant or with pins', () => {
  const put = (name: string, value: string) => vault.ask('PUT', `/v1/secrets/${name}`, { value });

  it('resolves every secret as of the instant, in both forms', async () => {
    const [a, b] = [await vault.create('a1'), await vault.create('b1')];
    await put(a, 'a2');
    const { json: second } = await put(b, 'b2');
    await put(a, 'a3');
    const file = `A=secret(${a})\nB=secret(${b})\n`;
    const then = await json('/expand', file, { at: second.validFrom });
    expect(then.json.content).toBe('A=a2\nB=b2\n');
    expect(then.json.resolved).toMatchObject([
      { name: a, version: 2 },
      { name: b, version: 2 },
    ]);
    const bare = await post('/expand', { file }, `?at=${second.validFrom}`);
    expect(bare.text).toBe('A=a2\nB=b2\n');
    const before = await json('/expand', file, { at: '2020-01-01T00:00:00Z' });
    expect(before).toMatchObject({ status: 404, json: { errorsTotal: 2 } });
  });

  it('repeats a deployment exactly from its pinned form after later updates', async () => {
    const name = await vault.create('one');
    const content = `\ufeff# kept\r\nA="\\\\secret(X) secret(${name})" # secret(${name})\nB=1`;
    const first = await json('/expand', content, { pin: true });
    expect(first.json.pinned).toBe(content.replace(`secret(${name})`, `secret(${name}@1)`));
    await put(name, 'two');
    const again = await json('/expand', first.json.pinned ?? '', { pin: true });
    expect(again.json).toEqual({ ...first.json, tag: again.json.tag });
    expect((await json('/expand', content)).json.content).toContain(' two');
    expect((await json('/expand', content, { pin: false })).json.pinned).toBeUndefined();
  });
});
