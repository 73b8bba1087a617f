import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from '@jest/globals';
import {
  createKeyedMutex,
  inQueues,
  type KeyedMutex,
} from '../../../functions/vault/keyed-mutex.ts';
import type { StoreVault } from '../../../functions/vault/request.ts';
import { someone } from '../../support/requests.ts';

describe('the keyed mutex', () => {
  it('runs tasks with the same key one after another, in the order of arrival', async () => {
    const runExclusive = createKeyedMutex();
    const events: string[] = [];
    const work = (name: string) => async () => {
      events.push(`${name} begins`);
      await new Promise((resolve) => setTimeout(resolve, 1));
      events.push(`${name} ends`);
      return name;
    };
    const results = await Promise.all(
      ['a', 'b', 'c'].map((name) => runExclusive(['DB'], work(name))),
    );
    expect(results).toEqual(['a', 'b', 'c']);
    expect(events).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends']);
  });

  it('makes a new task wait for the running one even if an earlier one has ended', async () => {
    const runExclusive = createKeyedMutex();
    const { promise, resolve } = Promise.withResolvers<void>();
    const events: string[] = [];
    const first = runExclusive(['DB'], async () => {});
    const second = runExclusive(['DB'], async () => {
      await promise;
      events.push('second ends');
    });
    await first;
    const third = runExclusive(['DB'], async () => void events.push('third begins'));
    resolve();
    await Promise.all([second, third]);
    expect(events).toEqual(['second ends', 'third begins']);
  });

  it('runs tasks with a common key one after another, whatever the order of their keys', async () => {
    const runExclusive = createKeyedMutex();
    const running = new Set<string>();
    const keysOf = [['A', 'B'], ['B', 'A'], ['B'], ['C', 'A', 'C'], ['C', 'B'], ['A']];
    const works = keysOf.map((keys) =>
      runExclusive(keys, async () => {
        const own = [...new Set(keys)];
        expect(own.filter((key) => running.has(key))).toEqual([]);
        for (const key of own) running.add(key);
        await new Promise((resolve) => setTimeout(resolve, 1));
        for (const key of own) running.delete(key);
      }),
    );
    expect(await Promise.all(works)).toHaveLength(keysOf.length);
  });

  it('runs a task without keys at once', async () => {
    const runExclusive = createKeyedMutex();
    const { promise, resolve } = Promise.withResolvers<void>();
    const first = runExclusive(['DB'], () => promise);
    expect(await runExclusive([], async () => 'done')).toBe('done');
    resolve();
    await first;
  });

  it('runs tasks with different keys at the same time', async () => {
    const runExclusive = createKeyedMutex();
    const { promise, resolve } = Promise.withResolvers<string>();
    const first = runExclusive(['DB'], () => promise);
    expect(await runExclusive(['OTHER'], async () => 'other')).toBe('other');
    resolve('first');
    expect(await first).toBe('first');
  });

  it('runs the next task after one that fails', async () => {
    const runExclusive = createKeyedMutex();
    const failing = runExclusive(['DB'], () => Promise.reject(new Error('failed')));
    const next = runExclusive(['DB'], async () => 'next');
    await expect(failing).rejects.toThrow('failed');
    expect(await next).toBe('next');
  });

  it('keeps nothing in memory for keys that are no longer used', async () => {
    setFlagsFromString('--expose-gc');
    const collectGarbage: () => void = runInNewContext('gc');
    const runExclusive = createKeyedMutex();
    const writeToNames = async (from: number, to: number) => {
      for (let index = from; index < to; index += 1)
        await runExclusive([`NAME_${index}`], async () => {});
      collectGarbage();
      return process.memoryUsage().heapUsed;
    };
    const before = await writeToNames(0, 1_000);
    const after = await writeToNames(1_000, 201_000);
    // A name that stayed in memory would take more than 100 bytes.
    expect(after - before).toBeLessThan(10_000_000);
  });
});

describe('the queue of a secret', () => {
  it('depends on the tenant, the name, and whether the caller may see the name', async () => {
    const acme = someone({ tenant: 'acme' });
    const callers = [acme, someone({ tenant: 'other' }), { ...acme, names: ['OTHER'] }];
    const queues = new Set<string>();
    const mutex: KeyedMutex = (keys, work) => {
      for (const key of keys) queues.add(key);
      return work();
    };
    for (const principal of callers) {
      const vault = { principal, elapsed: () => 0 } as StoreVault;
      await inQueues(vault, mutex, ['DB', 'DB2'], async () => {});
    }
    expect(queues.size).toBe(6);
  });
});
