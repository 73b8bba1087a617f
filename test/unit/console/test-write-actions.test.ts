import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { TestWrites } from '../../../cli/console/page-documents.ts';
import type { Answer } from '../../../cli/console/server.ts';
import { testWriteActions } from '../../../cli/console/test-write-actions.ts';
import type { WriteReply } from '../../../cli/console/test-write-rates.ts';
import type { LocalVault } from '../../../cli/requests/local-vaults.ts';

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

const cluster: LocalVault = {
  name: 'cluster',
  nodes: [1, 2, 3].map((node) => ({ node, url: `http://127.0.0.1:300${node}`, log: null })),
};

const setUp = (
  answer: (url: string, isNew: boolean) => WriteReply,
  vault: LocalVault | undefined = cluster,
) => {
  const sent: { url: string; name: string; isNew: boolean; token: string }[] = [];
  const actions = testWriteActions({
    findLocal: async () => vault,
    newToken: async (name, tenant) => `token for ${tenant} of ${name}`,
    send: async (target, isNew, token) => {
      sent.push({ ...target, isNew, token });
      return answer(target.url, isNew);
    },
  });
  const act = async (asked: unknown): Promise<Answer> =>
    (await actions.get('test-writes')?.(
      asked,
      new AbortController().signal,
      () => undefined,
    )) as Answer;
  const state = async () => (await act({ to: 'read' })).body as TestWrites;
  return { act, state, sent };
};

const accepts = (_: string, isNew: boolean): WriteReply => ({
  status: isNew ? 201 : 200,
  code: '',
});

describe('the test writes', () => {
  it('reach all nodes in turn, 20 a second, with one secret for each node in a tenant of their own', async () => {
    const { act, sent } = setUp(accepts);
    await act({ to: 'start' });
    await jest.advanceTimersByTimeAsync(1_000);
    expect(sent).toHaveLength(20);
    expect(sent.slice(0, 4).map(({ url, name, isNew }) => [url, name, isNew])).toEqual([
      ['http://127.0.0.1:3001', 'CONSOLE_TEST_1', true],
      ['http://127.0.0.1:3002', 'CONSOLE_TEST_2', true],
      ['http://127.0.0.1:3003', 'CONSOLE_TEST_3', true],
      ['http://127.0.0.1:3001', 'CONSOLE_TEST_1', false],
    ]);
    expect(new Set(sent.map(({ token }) => token))).toEqual(
      new Set(['token for console-test of cluster']),
    );
  });

  it('count their outcomes by the second, and name the last failure', async () => {
    const { act, state } = setUp((url, isNew) =>
      url.endsWith('2') ? { status: null, code: 'ECONNREFUSED' } : accepts(url, isNew),
    );
    await act({ to: 'start' });
    await jest.advanceTimersByTimeAsync(10_000);
    const { seconds, lastFailure } = await state();
    const [last] = seconds.slice(-2);
    expect((last?.acknowledged ?? 0) + (last?.refused ?? 0)).toBe(20);
    expect([6, 7]).toContain(last?.refused);
    expect(lastFailure).toBe('http://127.0.0.1:3002: ECONNREFUSED');
  });

  it('update a secret that an earlier stream has made, and count no refusal for that', async () => {
    const { act, state, sent } = setUp((_, isNew) =>
      isNew ? { status: 409, code: 'secret_exists' } : { status: 200, code: '' },
    );
    await act({ to: 'start' });
    await jest.advanceTimersByTimeAsync(2_000);
    expect(sent.filter(({ isNew }) => isNew)).toHaveLength(3);
    expect((await state()).seconds.some(({ refused }) => refused > 0)).toBe(false);
  });

  it('stop by command, and by themselves after ten minutes', async () => {
    const { act, state, sent } = setUp(accepts);
    await act({ to: 'start' });
    await jest.advanceTimersByTimeAsync(1_000);
    await act({ to: 'stop' });
    await jest.advanceTimersByTimeAsync(5_000);
    expect([sent.length, (await state()).isRunning]).toEqual([20, false]);
    await act({ to: 'start' });
    await jest.advanceTimersByTimeAsync(599_000);
    expect((await state()).isRunning).toBe(true);
    await jest.advanceTimersByTimeAsync(100_000);
    expect((await state()).isRunning).toBe(false);
    expect(sent.length).toBeGreaterThan(20 + 599 * 20 - 1);
    expect(sent.length).toBeLessThanOrEqual(20 + 600 * 20);
  });

  it('do not start if the person stops them, or leaves, while their token is made', async () => {
    const token = Promise.withResolvers<string>();
    const sent: string[] = [];
    const actions = testWriteActions({
      findLocal: async () => cluster,
      newToken: () => token.promise,
      send: async ({ url }) => {
        sent.push(url);
        return accepts(url, true);
      },
    });
    const act = actions.get('test-writes');
    const [staying, left] = [new AbortController(), new AbortController()];
    const starting = [act?.({ to: 'start' }, staying.signal, () => undefined)];
    await act?.({ to: 'stop' }, staying.signal, () => undefined);
    starting.push(act?.({ to: 'start' }, left.signal, () => undefined));
    left.abort();
    token.resolve('token');
    await Promise.all(starting);
    await jest.advanceTimersByTimeAsync(1_000);
    expect(sent).toEqual([]);
    await act?.({ to: 'start' }, staying.signal, () => undefined);
    await jest.advanceTimersByTimeAsync(1_000);
    expect(sent).toHaveLength(20);
  });

  it('run once, however often they are started', async () => {
    const { act, sent } = setUp(accepts);
    await act({ to: 'start' });
    await act({ to: 'start' });
    await jest.advanceTimersByTimeAsync(1_000);
    expect(sent).toHaveLength(20);
  });

  it('fail with 502 for a vault that is not on this machine', async () => {
    const actions = testWriteActions({
      findLocal: async () => undefined,
      newToken: async () => 'token',
    });
    const answer = await actions.get('test-writes')?.(
      { to: 'start' },
      new AbortController().signal,
      () => undefined,
    );
    expect(answer).toMatchObject({
      status: 502,
      body: { detail: 'test writes are only for a vault on this machine' },
    });
  });

  it('refuse an unknown command with 400', async () => {
    const { act } = setUp(accepts);
    expect(await act({ to: 'flood' })).toMatchObject({ status: 400 });
  });
});
