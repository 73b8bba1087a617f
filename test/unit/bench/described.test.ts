import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { createPerform, parseDescription, type Secret } from '../../../bench/described.ts';
import type { Exchange } from '../../../bench/http.ts';

const openbao = parseDescription(readFileSync('bench/stores/openbao.json', 'utf8'));
const replyOf = (version: number, value = '') => ({
  status: 200,
  text: JSON.stringify({ data: { version, data: { value } } }),
});

describe('a store that is described in a file, for the bench,', () => {
  it('is sent a token from the environment, the secret, and the version from its last reply, and returns the value', async () => {
    const replies = [replyOf(7), replyOf(8), replyOf(8, 'hunter2'), { status: 404, text: '{}' }];
    const asked: Exchange[] = [];
    const send = async (_: number, exchange: Exchange) =>
      replies[asked.push(exchange) - 1] ?? { status: 500, text: '' };
    const perform = createPerform(openbao, send, { BAO_TOKEN: 'root' });
    const secret: Secret = { name: 'A', value: 'x' };
    await perform(0, 'create', secret);
    await perform(0, 'update', secret);
    expect(asked[0]).toEqual({
      method: 'POST',
      path: '/v1/secret/data/A',
      headers: { 'X-Vault-Token': 'root', 'Content-Type': 'application/json' },
      body: '{"options":{"cas":0},"data":{"value":"x"}}',
    });
    expect(asked[1]?.body).toBe('{"options":{"cas":7},"data":{"value":"x"}}');
    expect(secret['version']).toBe(8);
    const read: Secret = { name: 'A' };
    await perform(0, 'get', read);
    expect(read['value']).toBe('hunter2');
    await expect(perform(0, 'get', read)).rejects.toThrow('answered get with 404');
  });

  it.each([
    ['is not JSON', 'name: x'],
    ['lacks an operation', JSON.stringify({ ...openbao, operations: {} })],
    ['has an unknown property', JSON.stringify({ ...openbao, urls: [] })],
  ])('cannot be used if its description %s', (_, text) => {
    expect(() => parseDescription(text)).toThrow('this describes no store');
  });
});
