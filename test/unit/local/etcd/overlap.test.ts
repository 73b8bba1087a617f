import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { createOverlap } from '../../../../local/etcd/overlap.ts';

describe('sending to etcd', () => {
  it('happens at once for a lone client, whose requests follow each other', async () => {
    const overlap = createOverlap();
    let sent = 0;
    const send = overlap.gather(() => {
      sent += 1;
    });
    for (const count of [1, 2, 3]) {
      await overlap.during(sleep(1));
      send();
      expect(sent).toBe(count);
    }
  });

  it('waits a moment for company after two requests were under way at once, and happens once for all', async () => {
    const overlap = createOverlap();
    let sent = 0;
    const send = overlap.gather(() => {
      sent += 1;
    });
    await Promise.all([overlap.during(sleep(1)), overlap.during(sleep(1))]);
    send();
    send();
    expect(sent).toBe(0);
    await sleep(20);
    expect(sent).toBe(1);
  });

  it('happens at once again when no requests have overlapped for a while', async () => {
    const overlap = createOverlap();
    let sent = 0;
    const send = overlap.gather(() => {
      sent += 1;
    });
    await Promise.all([overlap.during(sleep(1)), overlap.during(sleep(1))]);
    await sleep(40);
    send();
    expect(sent).toBe(1);
  });
});
