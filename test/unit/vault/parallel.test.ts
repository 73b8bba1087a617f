import { describe, expect, it } from '@jest/globals';
import { inParallel } from '../../../functions/vault/parallel.ts';

/** Makes work that, for each item, lasts until the test ends it. */
const held = <Result>() => {
  const open = new Map<number, { end: (result: Result) => void; fail: (error: Error) => void }>();
  const begun: number[] = [];
  const work = (item: number) =>
    new Promise<Result>((end, fail) => {
      begun.push(item);
      open.set(item, { end, fail });
    });
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  return {
    work,
    begun,
    end: async (item: number, result: Result) => {
      open.get(item)?.end(result);
      await settle();
    },
    fail: async (item: number, error: Error) => {
      open.get(item)?.fail(error);
      await settle();
    },
  };
};

describe('inParallel', () => {
  it('returns results in the order of the items, whichever ends first', async () => {
    const { work, end } = held<string>();
    const all = inParallel([0, 1, 2], 3, work);
    for (const item of [2, 0, 1]) await end(item, `result ${item}`);
    expect(await all).toEqual(['result 0', 'result 1', 'result 2']);
  });

  it('runs as many tasks at once as requested, as long as that many items are left', async () => {
    const { work, begun, end } = held<number>();
    const all = inParallel([0, 1, 2, 3, 4], 2, work);
    expect(begun).toEqual([0, 1]);
    await end(1, 1);
    expect(begun).toEqual([0, 1, 2]);
    await end(2, 2);
    await end(0, 0);
    expect(begun).toEqual([0, 1, 2, 3, 4]);
    await end(3, 3);
    await end(4, 4);
    expect(await all).toEqual([0, 1, 2, 3, 4]);
  });

  it('accepts an empty list, and fewer items than may run at once', async () => {
    expect(await inParallel([], 16, async () => 1)).toEqual([]);
    expect(await inParallel(['a'], 16, async (item) => item)).toEqual(['a']);
  });

  it('keeps results that are undefined', async () => {
    expect(await inParallel([1, 2], 2, async () => undefined)).toEqual([undefined, undefined]);
  });
});

describe('a failure in inParallel', () => {
  // Shows G9.
  it('is that of the earliest item, whichever fails first', async () => {
    for (const order of [
      [1, 2],
      [2, 1],
    ]) {
      const { work, end, fail } = held<number>();
      const all = inParallel([0, 1, 2], 3, work);
      const refused = expect(all).rejects.toThrow('fault 1');
      for (const item of order) await fail(item, new Error(`fault ${item}`));
      await end(0, 0);
      await refused;
    }
  });

  it('starts no more tasks, and is thrown after the running ones have ended', async () => {
    const { work, begun, end, fail } = held<number>();
    let thrown = false;
    const all = inParallel([0, 1, 2, 3], 2, work).catch(() => {
      thrown = true;
    });
    await fail(0, new Error('fault'));
    expect([begun, thrown]).toEqual([[0, 1], false]);
    await end(1, 1);
    expect([begun, thrown]).toEqual([[0, 1], true]);
    await all;
  });

  it('reaches the caller unchanged, even if it is undefined', async () => {
    await expect(inParallel([1], 1, () => Promise.reject(undefined))).rejects.toBeUndefined();
  });
});
