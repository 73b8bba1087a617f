/** How `npm run cluster` waits for its nodes. The test controls the clock. */
import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import { untilMajority } from '../../../../local/cluster/majority.ts';

const patienceMs = 60_000;
const onSlow = jest.fn();
let told: ((serves: boolean) => void)[];
let found: readonly number[] | undefined;
beforeEach(() => {
  jest.useFakeTimers();
  onSlow.mockClear();
  found = undefined;
  const nodes = [1, 2, 3].map((node) => ({ node, ...Promise.withResolvers<boolean>() }));
  told = nodes.map(({ resolve }) => resolve);
  const serves = new Map(nodes.map(({ node, promise }) => [node, promise]));
  void untilMajority(serves, patienceMs, onSlow).then((numbers) => {
    found = numbers;
  });
});
afterEach(() => {
  jest.useRealTimers();
});

const tell = async (node: number, serves: boolean): Promise<void> => {
  told[node - 1]?.(serves);
  await jest.advanceTimersByTimeAsync(0);
};
const pass = (ms: number) => jest.advanceTimersByTimeAsync(ms);

it('npm run cluster stops waiting once all nodes serve', async () => {
  for (const node of [3, 1]) await tell(node, true);
  expect(found).toBeUndefined();
  await tell(2, true);
  expect(found).toEqual([1, 2, 3]);
});

it('npm run cluster waits a minute for the third node if two serve', async () => {
  for (const node of [3, 2]) await tell(node, true);
  await pass(patienceMs - 1);
  expect(found).toBeUndefined();
  await pass(1);
  expect([found, onSlow.mock.calls]).toEqual([[2, 3], []]);
});

it('npm run cluster says once that there is no majority after a minute, and waits until there is one', async () => {
  await tell(1, true);
  await pass(30 * patienceMs);
  expect([found, onSlow.mock.calls.length]).toEqual([undefined, 1]);
  await tell(3, true);
  expect(found).toEqual([1, 3]);
});

it('npm run cluster stops waiting if two nodes have ended', async () => {
  await tell(1, false);
  expect(found).toBeUndefined();
  await tell(2, false);
  expect(found).toEqual([]);
});

it('npm run cluster continues with two nodes if the third has ended', async () => {
  for (const [node, serves] of [
    [1, true],
    [2, false],
    [3, true],
  ] as const) {
    await tell(node, serves);
  }
  expect(found).toEqual([1, 3]);
});
