/** `.env` files as of an instant, and with references pinned to versions. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { freshName, type RunningVault, startVault } from '../support/running-vault.ts';

let vault: RunningVault;
let token: string;
beforeAll(async () => {
  vault = await startVault();
  token = vault.token();
});
afterAll(() => vault.stop());

const json = (route: '' | '/encrypt' | '/expand', content: string, members = {}) =>
  vault.call('POST', `/v1/env${route}`, { token, body: { content, ...members } });
const create = async (value: string): Promise<string> => {
  const name = freshName();
  await vault.call('POST', '/v1/secrets', { token, body: { name, value } });
  return name;
};
const put = (name: string, value: string) =>
  vault.call('PUT', `/v1/secrets/${name}`, { token, body: { value } });

describe('a .env file as of an instant or with pins', () => {
  it('resolves every secret as of the instant, in both forms', async () => {
    const [a, b] = [await create('a1'), await create('b1')];
    await put(a, 'a2');
    const { json: second } = await put(b, 'b2');
    await put(a, 'a3');
    const file = `A=secret(${a})\nB=secret(${b})\n`;
    const then = await json('/expand', file, { at: second.validFrom });
    expect(then.json.content).toBe('A=a2\nB=b2\n');
    expect(then.json.resolved).toEqual([
      { name: a, version: 2 },
      { name: b, version: 2 },
    ]);
    const path = `/v1/env/expand?at=${second.validFrom}`;
    const bare = await vault.call('POST', path, { token, file });
    expect(bare.text).toBe('A=a2\nB=b2\n');
    const before = await json('/expand', file, { at: '2020-01-01T00:00:00Z' });
    expect(before).toMatchObject({ status: 404, json: { errorsTotal: 2 } });
  });

  it('repeats a deployment exactly from its pinned form after later updates', async () => {
    const name = await create('one');
    const content = `\ufeff# kept\r\nA="\\\\secret(X) secret(${name})" # secret(${name})\nB=1`;
    const first = await json('/expand', content, { pin: true });
    expect(first.json.pinned).toBe(content.replace(`secret(${name})`, `secret(${name}@1)`));
    await put(name, 'two');
    const again = await json('/expand', first.json.pinned ?? '', { pin: true });
    expect(again.json).toEqual(first.json);
    expect((await json('/expand', content)).json.content).toContain(' two');
    expect((await json('/expand', content, { pin: false })).json.pinned).toBeUndefined();
  });
});
