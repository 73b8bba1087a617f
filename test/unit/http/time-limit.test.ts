import { describe, expect, it } from '@jest/globals';
import { createTimeLimit } from '../../../functions/http/time-limit.ts';
import { virtualClock } from '../../support/virtual-clock.ts';

const passed = 'the time limit has passed';
const never = <Result>() => new Promise<Result>(() => undefined);
/** Lets all promises that are settled call their listeners. */
const turn = () => new Promise((resolve) => setImmediate(resolve));

/** Waits with a limit of 5 s, and notes when each wait that got no result ended. */
const limited = () => {
  const clock = virtualClock();
  const wait = createTimeLimit(clock, 5_000);
  const ended: [name: string, atMs: number][] = [];
  /** Returns the result, or the message of the error. */
  const waitFor = (name: string, result: Promise<unknown>): Promise<unknown> =>
    wait(result).catch(({ message }: Error) => {
      if (message === passed) ended.push([name, clock.elapsed()]);
      return message;
    });
  const pass = async (seconds: number) => {
    for (let second = 0; second < seconds; second += 1) {
      clock.advance(1_000);
      await turn();
    }
  };
  return { clock, waitFor, pass, ended };
};

describe('a wait with a time limit', () => {
  it('returns the result, or rejects with the error, that comes in time', async () => {
    const { waitFor, pass, ended } = limited();
    expect(await waitFor('one', Promise.resolve(1))).toBe(1);
    expect(await waitFor('two', Promise.reject(new Error('bug')))).toBe('bug');
    await pass(10);
    expect(ended).toEqual([]);
  });

  it('ends between the limit and one second later, and each wait by its own beginning', async () => {
    const { clock, waitFor, pass, ended } = limited();
    const waits = [waitFor('first', never())];
    await pass(2);
    clock.advance(500);
    waits.push(waitFor('second', never()));
    await pass(20);
    expect(await Promise.all(waits)).toEqual([passed, passed]);
    const [[, first] = ['', 0], [, second] = ['', 0]] = ended;
    expect(ended.map(([name]) => name)).toEqual(['first', 'second']);
    expect(first).toBeGreaterThanOrEqual(5_000);
    expect(first).toBeLessThanOrEqual(6_000);
    expect(second).toBeGreaterThanOrEqual(7_500);
    expect(second).toBeLessThanOrEqual(8_500);
  });

  it('has one timer together with all other waits, and none once nobody waits', async () => {
    const { clock, waitFor, pass } = limited();
    const { promise, resolve } = Promise.withResolvers<number>();
    const waits = [waitFor('one', promise), waitFor('two', promise), waitFor('three', promise)];
    expect(clock.running()).toBe(1);
    await pass(2);
    expect(clock.running()).toBe(1);
    resolve(1);
    expect(await Promise.all(waits)).toEqual([1, 1, 1]);
    await pass(2);
    expect(clock.running()).toBe(0);
    const again = waitFor('again', never());
    expect(clock.running()).toBe(1);
    await pass(7);
    expect(await again).toBe(passed);
  });
});
