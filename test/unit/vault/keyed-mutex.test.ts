import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from '@jest/globals';
import { createKeyedMutex } from '../../../functions/vault/keyed-mutex.ts';

describe('the keyed mutex', () => {
  it('runs the works of one key one after another, in the order of arrival', async () => {
    const runExclusive = createKeyedMutex();
    const events: string[] = [];
    const work = (name: string) => async () => {
      events.push(`${name} begins`);
      await new Promise((resolve) => setTimeout(resolve, 1));
      events.push(`${name} ends`);
      return name;
    };
    const results = await Promise.all(
      ['a', 'b', 'c'].map((name) => runExclusive('DB', work(name))),
    );
    expect(results).toEqual(['a', 'b', 'c']);
    expect(events).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends']);
  });

  it('makes a new work wait for the running one even if the first has ended', async () => {
    const runExclusive = createKeyedMutex();
    const { promise, resolve } = Promise.withResolvers<void>();
    const events: string[] = [];
    const first = runExclusive('DB', async () => {});
    const second = runExclusive('DB', async () => {
      await promise;
      events.push('second ends');
    });
    await first;
    const third = runExclusive('DB', async () => void events.push('third begins'));
    resolve();
    await Promise.all([second, third]);
    expect(events).toEqual(['second ends', 'third begins']);
  });

  it('runs works of different keys at the same time', async () => {
    const runExclusive = createKeyedMutex();
    const { promise, resolve } = Promise.withResolvers<string>();
    const first = runExclusive('DB', () => promise);
    expect(await runExclusive('OTHER', async () => 'other')).toBe('other');
    resolve('first');
    expect(await first).toBe('first');
  });

  it('runs the next work after one that fails', async () => {
    const runExclusive = createKeyedMutex();
    const failing = runExclusive('DB', () => Promise.reject(new Error('failed')));
    const next = runExclusive('DB', async () => 'next');
    await expect(failing).rejects.toThrow('failed');
    expect(await next).toBe('next');
  });

  it('keeps no memory of keys that are no longer used', async () => {
    setFlagsFromString('--expose-gc');
    const collectGarbage: () => void = runInNewContext('gc');
    const runExclusive = createKeyedMutex();
    const writeToNames = async (from: number, to: number) => {
      for (let index = from; index < to; index += 1)
        await runExclusive(`NAME_${index}`, async () => {});
      collectGarbage();
      return process.memoryUsage().heapUsed;
    };
    const before = await writeToNames(0, 1_000);
    const after = await writeToNames(1_000, 201_000);
    // Each name that is kept takes more than 100 bytes.
    expect(after - before).toBeLessThan(10_000_000);
  });
});
