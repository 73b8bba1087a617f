import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { createPerform, parseDescription, type Secret } from '../../../bench/described.ts';
import type { Exchange } from '../../../bench/http.ts';

const openbao = parseDescription(readFileSync('bench/stores/openbao.json', 'utf8'));
const ofVersion = (version: number, value = '') =>
  JSON.stringify({ data: { version, data: { value } } });

/** Answers each request in turn, and keeps what was asked. */
const answering = (...replies: readonly { status: number; text: string }[]) => {
  const asked: Exchange[] = [];
  const perform = createPerform(
    openbao,
    async (_, exchange) => {
      asked.push(exchange);
      return replies[asked.length - 1] ?? { status: 500, text: '' };
    },
    { BAO_TOKEN: 'root' },
  );
  return { asked, perform };
};

describe('a described store', () => {
  it('receives the name, the value and the header from the environment', async () => {
    const { asked, perform } = answering({ status: 200, text: ofVersion(1) });
    await perform(0, 'create', { name: 'A', value: 'x' });
    expect(asked).toEqual([
      {
        method: 'POST',
        path: '/v1/secret/data/A',
        headers: { 'X-Vault-Token': 'root', 'Content-Type': 'application/json' },
        body: '{"options":{"cas":0},"data":{"value":"x"}}',
      },
    ]);
  });

  it('receives values of its last reply again, with numbers as numbers', async () => {
    const { asked, perform } = answering(
      { status: 200, text: ofVersion(7) },
      { status: 200, text: ofVersion(8) },
    );
    const secret: Secret = { name: 'A', value: 'x' };
    await perform(0, 'create', secret);
    await perform(0, 'update', secret);
    expect(asked[1]?.body).toBe('{"options":{"cas":7},"data":{"value":"x"}}');
    expect(secret['version']).toBe(8);
  });

  it('returns the value that it was asked for', async () => {
    const { perform } = answering({ status: 200, text: ofVersion(1, 'hunter2') });
    const read: Secret = { name: 'A' };
    await perform(0, 'get', read);
    expect(read['value']).toBe('hunter2');
  });

  it('fails on an unexpected status', async () => {
    const { perform } = answering({ status: 404, text: '{}' });
    await expect(perform(0, 'get', { name: 'A' })).rejects.toThrow('answered get with 404');
  });

  it.each([
    ['is no JSON', 'name: x'],
    ['lacks an operation', JSON.stringify({ ...openbao, operations: {} })],
    ['has an unknown property', JSON.stringify({ ...openbao, urls: [] })],
  ])('fails to load if its description %s', (_, text) => {
    expect(() => parseDescription(text)).toThrow('this describes no store');
  });
});
