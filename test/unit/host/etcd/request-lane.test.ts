import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { createLane, createOverlap } from '../../../../host/etcd/request-lane.ts';

afterEach(() => {
  jest.restoreAllMocks();
});

/** A lane whose calls end at once, with the sizes of the groups it sent. */
const start = () => {
  const overlap = createOverlap();
  const groups: number[] = [];
  const request = createLane<string, void>({
    overlap,
    startGroup: () => () => true,
    send: async (group) => {
      groups.push(group.length);
      for (const { resolve } of group) resolve();
    },
  });
  const ask = () => request('', performance.now() + 60_000);
  /** Makes two requests overlap. */
  const meet = () => Promise.all([overlap.during(sleep(1)), overlap.during(sleep(1))]);
  return { groups, ask, meet };
};

describe('a lane of requests to etcd', () => {
  it('sends the requests of a single client at once', async () => {
    const { groups, ask } = start();
    for (const count of [1, 2, 3]) {
      const asked = ask();
      expect(groups).toHaveLength(count);
      await asked;
    }
  });

  it('waits a moment for more requests once two have overlapped, and sends them together', async () => {
    const { groups, ask, meet } = start();
    // Freezes the clock, so that the overlap still counts as recent on a slow machine.
    jest.spyOn(performance, 'now').mockReturnValue(0);
    await meet();
    const asked = [ask(), ask()];
    expect(groups).toEqual([]);
    await Promise.all(asked);
    expect(groups).toEqual([2]);
  });

  it('sends a request at once again after a while without overlaps', async () => {
    const { groups, ask, meet } = start();
    await meet();
    await sleep(40);
    void ask();
    expect(groups).toEqual([1]);
  });
});
