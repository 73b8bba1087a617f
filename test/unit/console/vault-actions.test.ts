import { describe, expect, it } from '@jest/globals';
import type { Answer } from '../../../cli/console/server.ts';
import { vaultActions } from '../../../cli/console/vault-actions.ts';
import type { Client } from '../../../cli/requests/vault-client.ts';
import { operations } from '../../../client/operations.ts';
import { failure, inOtherWords, refusal } from '../../../system/failures.ts';

const vault = { profile: 'default', addr: 'http://127.0.0.1:1' };

/** Makes the actions, with a client that records each call and answers with `reply`. */
const setUp = (reply: () => Promise<unknown> = async () => ({})) => {
  const calls: unknown[][] = [];
  const client = (async (...call: unknown[]) => {
    calls.push(call);
    return reply();
  }) as Client;
  const actions = vaultActions(client, vault);
  const act = async (name: string, asked: unknown): Promise<Answer> =>
    (await actions.get(name)?.(asked, new AbortController().signal, () => undefined)) as Answer;
  return { actions, act, calls };
};

describe('the actions of the console on the vault', () => {
  it('cover each operation of the vault, and pass the input on', async () => {
    const { actions, act, calls } = setUp(async () => ({ version: 2 }));
    expect([...actions.keys()]).toEqual(expect.arrayContaining(Object.keys(operations)));
    const idempotencyKey = '3f0f0d3e-6f0b-4d52-9a57-0f0d3b1f7c42';
    const asked = { name: 'A.B', ifVersion: 1, body: { value: 'v' }, idempotencyKey };
    expect(await act('update-secret', asked)).toEqual({ status: 200, body: { version: 2 } });
    const passed = { ...asked, signal: expect.any(AbortSignal) };
    expect(calls).toEqual([['update-secret', passed, expect.any(Function)]]);
  });

  it('say how to replace a refused token, and to start the console again', async () => {
    const refused = refusal({ code: 'unauthenticated', detail: 'refused', status: 401 });
    const message = 'the token of profile default expired: dsvault login --local';
    const { act } = setUp(() => Promise.reject(inOtherWords(refused, message)));
    const detail = `${message}, and then dsvault console again`;
    const body = { code: 'unauthenticated', detail, status: 401 };
    expect(await act('get-secret', { name: 'A' })).toEqual({ status: 401, body });
  });

  it('refuse a name or a version that could lead to another route, without a request to the vault', async () => {
    const { act, calls } = setUp();
    const names = ['../status', '..', '.', 'A/versions', 'A/versions/1', '%2e%2e', 'A%2Fversions'];
    for (const name of [...names, 'A?x=1', 'A#', 'A\\..', '', ' ', 'A\n', 1, null, ['A']]) {
      for (const id of Object.keys(operations)) {
        expect([id, name, await act(id, { name })]).toEqual([
          id,
          name,
          { status: 400, body: expect.objectContaining({ code: 'invalid_request' }) },
        ]);
      }
    }
    for (const version of [0, -1, 1.5, '1', '1/../..', null]) {
      expect((await act('destroy-version', { name: 'A', version })).status).toBe(400);
      expect((await act('update-secret', { name: 'A', ifVersion: version })).status).toBe(400);
    }
    for (const asked of [
      null,
      'A',
      { name: 'A', url: '/v1/status' },
      { query: { a: {} } },
      { idempotencyKey: 'A\r\nB' },
    ]) {
      expect((await act('get-secret', asked)).status).toBe(400);
    }
    expect(calls).toEqual([]);
  });

  it('return the profile and the address of the vault', async () => {
    const { act } = setUp();
    expect(await act('vault', {})).toEqual({ status: 200, body: vault });
  });

  it('pass a refusal of the vault on with its status, and answer 502 if the vault cannot be reached', async () => {
    const problem = { code: 'not_found', detail: 'there is no such secret', status: 404 };
    const refused = setUp(() => Promise.reject(refusal(problem)));
    expect(await refused.act('get-secret', { name: 'A' })).toEqual({
      status: 404,
      body: expect.objectContaining(problem),
    });
    const lost = setUp(() =>
      Promise.reject(failure('cannot reach the vault', { kind: 'unavailable' })),
    );
    expect(await lost.act('get-secret', { name: 'A' })).toMatchObject({ status: 502 });
  });
});
