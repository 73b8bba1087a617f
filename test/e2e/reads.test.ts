/** Reads of versions, as of instants, of pages and lists, and of exact bytes. */
import { beforeAll, describe, expect, it } from '@jest/globals';
import { operations } from '../support/openapi.ts';
import {
  freshName,
  isLocal,
  itLocal,
  type ListedVersion,
  useVault,
} from '../support/running-vault.ts';

const vault = useVault();
const name = freshName('HISTORY');
const versionCount = 12;
const values = Array.from({ length: versionCount }, (_, index) => `value ${index + 1}`);
const validFrom: string[] = [];

beforeAll(async () => {
  const bob = vault.token({ sub: 'bob' });
  const first = await vault.ask('POST', '/v1/secrets', { name, value: values[0] });
  validFrom.push(first.json.validFrom ?? '');
  for (const value of values.slice(1)) {
    const call = { token: bob, body: { value } };
    const { json } = await vault.call('PUT', `/v1/secrets/${name}`, call);
    validFrom.push(json.validFrom ?? '');
  }
});

const get = (query = '', of = name) => vault.ask('GET', `/v1/secrets/${of}${query}`);

/** All pages of a list, with at most `limit` entries each. */
const pages = async <Entry>(
  path: string,
  limit: number,
  entries: (json: Awaited<ReturnType<typeof get>>['json']) => readonly Entry[] | undefined,
  as = vault.token(),
): Promise<Entry[][]> => {
  const found: Entry[][] = [];
  let cursor: string | null | undefined;
  do {
    const query = `limit=${limit}${cursor ? `&cursor=${cursor}` : ''}`;
    const all = `${path}${path.includes('?') ? '&' : '?'}${query}`;
    const reply = await vault.call('GET', all, { token: as });
    expect(reply.status).toBe(200);
    const page = [...(entries(reply.json) ?? [])];
    expect(page.length).toBeLessThanOrEqual(limit);
    found.push(page);
    cursor = reply.json.nextCursor;
  } while (cursor !== null);
  return found;
};
const versionPages = (query: string, limit: number): Promise<ListedVersion[][]> =>
  pages(`/v1/secrets/${name}/versions${query}`, limit, ({ versions }) => versions);

describe('HEAD', () => {
  // Functions behind another gateway do not serve the document.
  const gets = operations.filter(
    ({ method, operationId }) => method === 'GET' && (isLocal || operationId !== 'get-openapi'),
  );

  it.each(gets)('answers as GET, without its body: $operationId', async ({ operationId, path }) => {
    // Requests for a secret that exists, for a missing one, and one that is malformed.
    for (const [of, query] of [
      [name, ''],
      [freshName(), ''],
      [name, '?unknown=1'],
    ]) {
      const ask = async (method: string) => {
        const { status, text, headers } = await vault.ask(
          method,
          path.replace('{name}', of ?? '') + query,
        );
        const { date, 'x-request-id': id, ...same } = Object.fromEntries(headers);
        expect([date, id]).toEqual([expect.any(String), expect.any(String)]);
        // The latency in the status may have a different number of digits.
        if (operationId === 'get-status') delete same['content-length'];
        // Other gateways add headers.
        return { status, text, headers: isLocal ? same : same['content-type'] };
      };
      expect(await ask('HEAD')).toEqual({ ...(await ask('GET')), text: '' });
    }
  });

  it('answers 304 to If-None-Match: *, with the ETag of the current version', async () => {
    const path = `/v1/secrets/${name}`;
    const reply = await vault.ask('HEAD', path, undefined, { 'If-None-Match': '*' });
    expect([reply.status, reply.headers.get('etag')]).toEqual([304, `"${versionCount}"`]);
  });
});

describe('a list of versions', () => {
  it('has at most ten versions a page with values', async () => {
    const bare = await vault.ask('GET', `/v1/secrets/${name}/versions?include=values`);
    expect(bare.json.versions).toHaveLength(10);
    const found = await versionPages('?include=values&order=asc', 10);
    expect(found.flat().map(({ value }) => value)).toEqual(values);
    expect(found.map((page) => page.length)).toEqual([10, 2]);
  });
});

describe('a list of names', () => {
  const listOf = (path: string, limit: number, as: string) =>
    pages(path, limit, ({ names }) => names, as).then((found) => found.flat());
  const all = ['DB_A', 'DB_B', 'DB_C', 'a.b', 'a.c', 'billing.x', 'billing.y', 'z'];
  const as = (names?: string[]) =>
    vault.token({ tenant: 'lists', ...(names !== undefined && { names }) });
  beforeAll(async () => {
    const writer = as();
    for (const word of all.toReversed()) {
      await vault.call('POST', '/v1/secrets', { token: writer, body: { name: word, value: 'v' } });
    }
  });

  it('is sorted, over all its pages', async () => {
    expect(await listOf('/v1/secrets', 3, as())).toEqual(all);
    expect(await listOf('/v1/secrets?prefix=DB_', 3, as())).toEqual(all.slice(0, 3));
  });

  it('shows exactly the stored names that the token covers, once each', async () => {
    const some = as(['billing.*', 'a.c', 'DB_B', 'billing.x', 'NOT_THERE', 'b*']);
    expect(await listOf('/v1/secrets', 2, some)).toEqual(['DB_B', 'a.c', 'billing.x', 'billing.y']);
  });
});

describe('a value', () => {
  const roundTrip = async (value: string, encoding: 'utf8' | 'base64') => {
    const word = freshName();
    const body = { name: word, value, encoding };
    expect((await vault.ask('POST', '/v1/secrets', body)).status).toBe(201);
    const { json } = await get('', word);
    return { value: json.value, encoding: json.encoding };
  };

  it.each(['', '"\\\n\r\t\u0000', '\ufeffé, \u{1f511} and e\u0301', 'x'.repeat(65_536)])(
    'is returned unchanged as text: %j',
    async (value) => {
      expect(await roundTrip(value, 'utf8')).toEqual({ value, encoding: 'utf8' });
    },
  );

  it('is returned as text if it was sent as base64 of UTF-8, else as base64', async () => {
    const base64 = Buffer.from('é').toString('base64');
    expect(await roundTrip(base64, 'base64')).toEqual({ value: 'é', encoding: 'utf8' });
    for (const bytes of [Buffer.from([0xed, 0xa0, 0x80]), Buffer.alloc(65_536, 0xfe)]) {
      const value = bytes.toString('base64');
      expect(await roundTrip(value, 'base64')).toEqual({ value, encoding: 'base64' });
    }
  });
});

// This test runs only locally, because more than one page takes many writes, and the gateway has no
// influence on the result.
describe('a list without a limit', () => {
  itLocal('returns 100 names a page', async () => {
    const prefix = freshName('LISTED');
    const names = Array.from({ length: 101 }, (_, index) => `${prefix}_${1_000 + index}`);
    for (const some of [names.slice(0, 90), names.slice(90)]) {
      const content = some.map((word) => `${word}=v\nX_${word}=enc(${word})\n`).join('');
      const stored = await vault.ask('POST', '/v1/env/encrypt', { content });
      expect(stored.status).toBe(200);
    }
    const list = (query: string) => vault.ask('GET', `/v1/secrets?${query}`);
    const first = await list(`prefix=${prefix}`);
    expect(first.json.names).toEqual(names.slice(0, 100));
    const next = await list(`prefix=${prefix}&cursor=${first.json.nextCursor}`);
    expect(next.json).toEqual({ names: names.slice(100), nextCursor: null });
  });

  itLocal('returns 50 versions a page', async () => {
    const path = `/v1/secrets/${name}`;
    for (let version = versionCount + 1; version <= 51; version += 1) {
      await vault.ask('PUT', path, { value: 'v' });
    }
    const { json } = await vault.ask('GET', `${path}/versions`);
    expect(json.versions?.map(({ version }) => version)).toEqual(
      Array.from({ length: 50 }, (_, index) => 51 - index),
    );
  });
});
