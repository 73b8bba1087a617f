import { describe, expect, it } from '@jest/globals';
import { createStopwatch } from '../../../functions/vault/request.ts';
import { virtualClock } from '../../support/virtual-clock.ts';

describe('a stopwatch', () => {
  const start = () => {
    const clock = virtualClock();
    return { clock, stopwatch: createStopwatch(clock.elapsed) };
  };
  /** Makes work that lasts until the test ends it. */
  const open = () => Promise.withResolvers<string>();

  it('adds up consecutive tasks without the time between them', async () => {
    const { clock, stopwatch } = start();
    const work = async () => clock.advance(5);
    await stopwatch.during(work);
    clock.advance(100);
    await stopwatch.during(work);
    expect(stopwatch.ms()).toBe(10);
  });

  it('counts the time of overlapping tasks once', async () => {
    const { clock, stopwatch } = start();
    const [first, second] = [open(), open()];
    const one = stopwatch.during(() => first.promise);
    clock.advance(3);
    const two = stopwatch.during(() => second.promise);
    clock.advance(4);
    first.resolve('one');
    expect(await one).toBe('one');
    clock.advance(5);
    second.resolve('two');
    expect(await two).toBe('two');
    clock.advance(100);
    expect(stopwatch.ms()).toBe(12);
  });

  it('includes tasks that are still running', async () => {
    const { clock, stopwatch } = start();
    const { promise, resolve } = open();
    const running = stopwatch.during(() => promise);
    clock.advance(7);
    expect(stopwatch.ms()).toBe(7);
    resolve('done');
    await running;
  });

  it('counts tasks that fail, and passes their errors on', async () => {
    const { clock, stopwatch } = start();
    const failing = stopwatch.during(async () => {
      clock.advance(9);
      throw new Error('failed');
    });
    await expect(failing).rejects.toThrow('failed');
    clock.advance(100);
    expect(stopwatch.ms()).toBe(9);
  });
});
