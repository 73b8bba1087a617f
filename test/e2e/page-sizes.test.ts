/** The page sizes of lists for callers who ask for none. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { freshName, type RunningVault, startVault } from '../support/running-vault.ts';

let vault: RunningVault;
let token: string;
beforeAll(async () => {
  vault = await startVault();
  token = vault.token();
});
afterAll(() => vault.stop());

const get = (path: string) => vault.call('GET', path, { token });

describe('a list without a limit', () => {
  it('returns 100 names a page', async () => {
    const prefix = freshName('LISTED');
    const names = Array.from({ length: 101 }, (_, index) => `${prefix}_${1_000 + index}`);
    for (const some of [names.slice(0, 90), names.slice(90)]) {
      const content = some.map((name) => `${name}=v\nX_${name}=enc(${name})\n`).join('');
      const body = { content };
      const stored = await vault.call('POST', '/v1/env/encrypt', { token, body });
      expect(stored.status).toBe(200);
    }
    const first = await get(`/v1/secrets?prefix=${prefix}`);
    expect(first.json.names).toEqual(names.slice(0, 100));
    const next = await get(`/v1/secrets?prefix=${prefix}&cursor=${first.json.nextCursor}`);
    expect(next.json).toEqual({ names: names.slice(100), nextCursor: null });
  });

  it('returns 50 versions a page', async () => {
    const path = `/v1/secrets/${freshName('VERSIONS')}`;
    const body = { name: path.slice('/v1/secrets/'.length), value: 'v' };
    await vault.call('POST', '/v1/secrets', { token, body });
    for (let version = 2; version <= 51; version += 1) {
      const updated = await vault.call('PUT', path, { token, body: { value: 'v' } });
      expect(updated.json.version).toBe(version);
    }
    const numbersOf = ({ json }: Awaited<ReturnType<typeof get>>) =>
      json.versions?.map(({ version }) => version);
    const first = await get(`${path}/versions`);
    expect(numbersOf(first)).toEqual(Array.from({ length: 50 }, (_, index) => 51 - index));
    const next = await get(`${path}/versions?cursor=${first.json.nextCursor}`);
    expect(numbersOf(next)).toEqual([1]);
    expect(next.json.nextCursor).toBeNull();
  });
});
