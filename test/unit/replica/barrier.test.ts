import { describe, expect, it } from '@jest/globals';
import { createBarrier } from '../../../local/replica/barrier.ts';

/** A log whose answers the test gives, one question after another. */
const scripted = (applied: Promise<void> = Promise.resolve()) => {
  const asked: { answer: (revision: number) => void; fail: () => void }[] = [];
  const waitedFor: number[] = [];
  const barrier = createBarrier(
    () =>
      new Promise((resolve, reject) => {
        asked.push({ answer: resolve, fail: () => reject(new Error('no majority')) });
      }),
    (revision) => {
      waitedFor.push(revision);
      return applied;
    },
  );
  return { asked, waitedFor, barrier };
};
/** Lets everything run that can. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

describe('a read barrier', () => {
  it('waits until what the log held is applied', async () => {
    const { promise: applied, resolve: apply } = Promise.withResolvers<void>();
    const { asked, waitedFor, barrier } = scripted(applied);
    let isRead = false;
    const read = barrier().then(() => {
      isRead = true;
    });
    asked[0]?.answer(7);
    await settle();
    expect([waitedFor, isRead]).toEqual([[7], false]);
    apply();
    await read;
  });

  it('that was sent before a read arrived is never used by it', async () => {
    const { asked, waitedFor, barrier } = scripted();
    const done: string[] = [];
    const first = barrier().then(() => done.push('first'));
    const second = barrier().then(() => done.push('second'));
    await settle();
    expect(asked).toHaveLength(1);
    asked[0]?.answer(7);
    await settle();
    expect(done).toEqual(['first']);
    expect(asked).toHaveLength(2);
    asked[1]?.answer(9);
    await Promise.all([first, second]);
    expect(waitedFor).toEqual([7, 9]);
  });

  it('is shared by all reads that arrived before it was sent', async () => {
    const { asked, waitedFor, barrier } = scripted();
    const first = barrier();
    const others = [barrier(), barrier(), barrier()];
    asked[0]?.answer(1);
    await first;
    await settle();
    expect(asked).toHaveLength(2);
    const late = barrier();
    asked[1]?.answer(2);
    await Promise.all(others);
    await settle();
    expect(asked).toHaveLength(3);
    asked[2]?.answer(3);
    await late;
    expect(waitedFor).toEqual([1, 2, 3]);
  });

  it('that fails fails its reads alone: the next is sent', async () => {
    const { asked, barrier } = scripted();
    const first = barrier();
    const second = barrier();
    asked[0]?.fail();
    await expect(first).rejects.toThrow('no majority');
    await settle();
    asked[1]?.answer(1);
    await second;
    const third = barrier();
    asked[2]?.answer(1);
    await third;
  });

  it('does not hold up the next one while the store still applies', async () => {
    const sent: number[] = [];
    let apply: () => void = () => undefined;
    const barrier = createBarrier(
      async () => sent.push(0),
      () =>
        new Promise((resolve) => {
          apply = resolve;
        }),
    );
    void barrier();
    await settle();
    void barrier();
    await settle();
    expect(sent).toHaveLength(2);
    apply();
  });
});
