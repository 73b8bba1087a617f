import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { createOverlap } from '../../../../local/etcd/overlap.ts';

afterEach(() => {
  jest.restoreAllMocks();
});

const start = () => {
  const overlap = createOverlap();
  const counts = { sent: 0 };
  const send = overlap.gather(() => {
    counts.sent += 1;
  });
  /** Two requests are under way at once. */
  const meet = () => Promise.all([overlap.during(sleep(1)), overlap.during(sleep(1))]);
  return { overlap, counts, send, meet };
};

describe('sending to etcd', () => {
  it('happens at once for a lone client, whose requests follow each other', async () => {
    const { overlap, counts, send } = start();
    for (const count of [1, 2, 3]) {
      await overlap.during(sleep(1));
      send();
      expect(counts.sent).toBe(count);
    }
  });

  it('waits a moment for company after two requests were under way at once, and happens once for all', async () => {
    const { counts, send, meet } = start();
    // The overlap stays recent however slow the machine is.
    jest.spyOn(performance, 'now').mockReturnValue(0);
    await meet();
    send();
    send();
    expect(counts.sent).toBe(0);
    await sleep(20);
    expect(counts.sent).toBe(1);
  });

  it('happens at once again when no requests have overlapped for a while', async () => {
    const { counts, send, meet } = start();
    await meet();
    await sleep(40);
    send();
    expect(counts.sent).toBe(1);
  });
});
