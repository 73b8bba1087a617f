import { describe, expect, it } from '@jest/globals';
import { createSemaphore } from '../../../functions/kms/data-keys.ts';
import type { Clock } from '../../../functions/vault/request.ts';
import { requestContext } from '../../support/requests.ts';
import { virtualClock } from '../../support/virtual-clock.ts';

const settle = () => new Promise((resolve) => setImmediate(resolve));

/** Requests that share a clock. Each starts when it asks for a permit. */
const start = (count: number, after?: Clock['after']) => {
  const time = virtualClock();
  const clock = after ? { ...time, after } : time;
  const semaphore = createSemaphore(count);
  const had: string[] = [];
  const ask = (name: string) => {
    const context = requestContext({ clock });
    const take = (call = name) =>
      void semaphore
        .acquire(context)
        .then((isAcquired) => had.push(isAcquired ? call : `${call} in vain`));
    take();
    return take;
  };
  return { clock, semaphore, had, ask };
};

describe('the semaphore that limits KMS calls', () => {
  it('grants permits at once while some are free, and then as they are released', async () => {
    const { clock, semaphore, had, ask } = start(2);
    for (const name of ['a', 'b', 'c', 'd']) ask(name);
    await settle();
    expect([had, clock.running()]).toEqual([['a', 'b'], 2]);
    semaphore.release();
    await settle();
    // The timer of the request c has been cleared.
    expect([had, clock.running()]).toEqual([['a', 'b', 'c'], 1]);
  });

  it('keeps a released permit if nobody is waiting for it', async () => {
    const { semaphore, had, ask } = start(1);
    ask('a');
    semaphore.release();
    ask('b');
    ask('c');
    await settle();
    expect(had).toEqual(['a', 'b']);
  });

  it('grants the next permit to the oldest request, even if a younger one asked before it', async () => {
    const { clock, semaphore, had, ask } = start(1);
    const again = ask('old');
    clock.advance(10);
    ask('young');
    again('old again');
    semaphore.release();
    await settle();
    expect(had).toEqual(['old', 'old again']);
    semaphore.release();
    await settle();
    expect(had).toEqual(['old', 'old again', 'young']);
  });

  it('refuses a request whose time for new calls is over, and grants the permit to another', async () => {
    const { clock, semaphore, had, ask } = start(1);
    ask('a');
    ask('b');
    clock.advance(6_999);
    ask('c');
    await settle();
    expect(had).toEqual(['a']);
    clock.advance(1);
    await settle();
    expect(had).toEqual(['a', 'b in vain']);
    semaphore.release();
    await settle();
    expect(had).toEqual(['a', 'b in vain', 'c']);
  });

  it('skips a request whose time ended while the process was suspended', async () => {
    const { clock, semaphore, had, ask } = start(1, () => () => undefined);
    ask('a');
    ask('old');
    clock.advance(5_000);
    ask('young');
    clock.advance(2_000);
    semaphore.release();
    await settle();
    expect(had).toEqual(['a', 'old in vain', 'young']);
    clock.advance(5_000);
    ask('last');
    semaphore.release();
    await settle();
    expect(had).toEqual(['a', 'old in vain', 'young', 'last']);
  });
});
