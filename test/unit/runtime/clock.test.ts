import { describe, expect, it } from '@jest/globals';
import { machineClock } from '../../../functions/runtime/clock.ts';

describe('the clock of the machine', () => {
  it('tells the wall clock in whole milliseconds since the epoch', () => {
    const [before, now, after] = [Date.now(), machineClock.now(), Date.now()];
    expect(Number.isInteger(now)).toBe(true);
    expect(now).toBeGreaterThanOrEqual(before);
    expect(now).toBeLessThanOrEqual(after);
  });

  it('measures a sleep by a clock that does not go back', async () => {
    const began = machineClock.elapsed();
    await machineClock.sleep(20.5);
    expect(machineClock.elapsed() - began).toBeGreaterThanOrEqual(19);
  });

  it('acts after a fraction of a millisecond, but not if it is cancelled before', async () => {
    const acted: string[] = [];
    machineClock.after(0.4, () => acted.push('due'));
    const cancel = machineClock.after(0.4, () => acted.push('cancelled'));
    cancel();
    expect(acted).toEqual([]);
    await machineClock.sleep(20);
    expect(acted).toEqual(['due']);
  });

  it('keeps no process alive for what it is to do later', () => {
    const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout');
    const before = timers();
    const cancel = machineClock.after(60_000, () => undefined);
    expect(timers()).toEqual(before);
    cancel();
  });

  it('draws random numbers from 0 up to, but excluding, 1', () => {
    for (let i = 0; i < 100; i++) {
      const drawn = machineClock.random();
      expect(drawn).toBeGreaterThanOrEqual(0);
      expect(drawn).toBeLessThan(1);
    }
  });
});
