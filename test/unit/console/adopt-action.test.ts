import { describe, expect, it } from '@jest/globals';
import { adoptAction } from '../../../cli/console/adopt-action.ts';
import type { ConsoleClient } from '../../../cli/console/console-client.ts';
import { refusal } from '../../../system/failures.ts';

type Asked = { readonly id: string; readonly body?: unknown; readonly signal?: unknown };

/**
 * Performs the action for this request of the page, with a client that answers as given. Returns
 * the action's reply and all requests that the client got.
 */
const adopt = async (asked: unknown, answer: (id: string) => object = () => ({})) => {
  const requests: Asked[] = [];
  const client = async (id: string, input: object) => {
    requests.push({ ...input, id });
    return answer(id);
  };
  const { signal } = new AbortController();
  const action = adoptAction(client as ConsoleClient);
  return { reply: await action(asked, signal, () => undefined), requests, signal };
};
const secret = { name: 'A', value: 'v', line: 2, column: 3 };

describe('the action that stores plain values', () => {
  it('stores the values in one request, which the page can abort', async () => {
    const asked = { secrets: [secret], note: 'n', dryRun: true };
    const { reply, requests, signal } = await adopt(asked);
    expect(reply).toEqual({ status: 200, body: { found: [] } });
    const body = { content: 'K0="enc(A)"\n', values: { A: 'v' }, note: 'n', dryRun: true };
    expect(requests).toEqual([{ id: 'encrypt-env', body, signal }]);
  });

  it.each([
    ['v', { status: 200, body: { found: ['A'] } }],
    ['w', { body: { code: 'secret_exists', errors: [{ line: 2, column: 3, name: 'A' }] } }],
  ])(
    'compares the value with that of a secret that exists already, which is %j',
    async (value, expected) => {
      const exists = { code: 'secret_exists', detail: '', status: 409 };
      const { reply } = await adopt({ secrets: [secret] }, (id) => {
        if (id === 'get-secret') return { value };
        throw refusal({
          ...exists,
          errors: [{ line: 1, column: 5, code: 'secret_exists', name: 'A' }],
        });
      });
      expect(reply).toMatchObject(expected);
    },
  );

  it.each([
    { secrets: [{ ...secret, name: '../status' }] },
    { secrets: [{ ...secret, line: 0 }] },
    { secrets: [], dryRun: false },
  ])('refuses the malformed request %j', async (asked) => {
    const { reply, requests } = await adopt(asked);
    expect({ reply, requests }).toMatchObject({ reply: { status: 400 }, requests: [] });
  });
});
