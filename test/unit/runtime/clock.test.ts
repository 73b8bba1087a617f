import { describe, expect, it } from '@jest/globals';
import { machineClock, newRunId, newWriteId } from '../../../functions/runtime/clock.ts';

describe('the clock of the machine', () => {
  it('returns the wall clock in whole milliseconds since the epoch', () => {
    const [before, now, after] = [Date.now(), machineClock.now(), Date.now()];
    expect(Number.isInteger(now)).toBe(true);
    expect(now).toBeGreaterThanOrEqual(before);
    expect(now).toBeLessThanOrEqual(after);
  });

  it('shows at least 19 ms of elapsed time after a sleep of 20.5 ms', async () => {
    const began = machineClock.elapsed();
    await machineClock.sleep(20.5);
    expect(machineClock.elapsed() - began).toBeGreaterThanOrEqual(19);
  });

  it('runs an action after a fraction of a millisecond, unless the action is cancelled before that', async () => {
    const acted: string[] = [];
    machineClock.after(0.4, () => acted.push('due'));
    const cancel = machineClock.after(0.4, () => acted.push('cancelled'));
    cancel();
    expect(acted).toEqual([]);
    await machineClock.sleep(20);
    expect(acted).toEqual(['due']);
  });

  it('does not keep the process alive for an action that is due later', () => {
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

describe('a new id', () => {
  it.each([
    ['write', newWriteId, 22],
    ['run', newRunId, 11],
  ])('of a %s is random, and as long as its bytes are in base64url', (_, draw, length) => {
    const ids = Array.from({ length: 100 }, draw);
    expect(new Set(ids).size).toBe(100);
    for (const id of ids) expect(id).toMatch(new RegExp(`^[\\w-]{${length}}$`));
  });
});
