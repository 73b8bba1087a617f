/** Load on anything that performs one operation at a time for a client. */
import { sentenceOf } from '../system/failures.ts';
import type { Slice } from './statistics.ts';

/**
 * Performs one operation for one of the clients, counted from 0. Rejects if the result is wrong.
 */
export type Task = (client: number) => Promise<unknown>;

/**
 * Performs the task in a closed loop: each client begins its next operation when its previous one
 * has ended.
 */
export const runClosed = async (task: Task, clients: number, forMs: number): Promise<Slice> => {
  const latencies: number[] = [];
  const failures: unknown[] = [];
  const begunAt = performance.now();
  const until = begunAt + forMs;
  const runClient = async (client: number): Promise<void> => {
    for (;;) {
      const at = performance.now();
      if (at >= until) return;
      await task(client).then(
        () => latencies.push(performance.now() - at),
        (error: unknown) => failures.push(error),
      );
    }
  };
  await Promise.all(Array.from({ length: clients }, (_, client) => runClient(client)));
  const [first] = failures;
  return {
    latencies,
    failed: failures.length,
    ...(first !== undefined && { failure: sentenceOf(first) }),
    elapsedMs: performance.now() - begunAt,
  };
};
