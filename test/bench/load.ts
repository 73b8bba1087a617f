/** Load on whatever does one operation at a time for a client. */
import { setTimeout as sleep } from 'node:timers/promises';
import { sentenceOf } from '../../local/command.ts';
import type { Slice } from './statistics.ts';

/** One operation of one of the clients, counted from 0. Rejects unless it comes out as it must. */
export type Work = (client: number) => Promise<unknown>;

type Pace = (client: number, begunAt: number) => Promise<void> | undefined;

const run = async (
  work: Work,
  clients: number,
  forMs: number,
  pace: Pace = () => undefined,
): Promise<Slice> => {
  const latencies: number[] = [];
  const failures: unknown[] = [];
  const begunAt = performance.now();
  const until = begunAt + forMs;
  const runClient = async (client: number): Promise<void> => {
    for (;;) {
      await pace(client, begunAt);
      const at = performance.now();
      if (at >= until) return;
      await work(client).then(
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

/** A closed loop: each client begins its next operation when the one before has ended. */
export const runClosed = (work: Work, clients: number, forMs: number): Promise<Slice> =>
  run(work, clients, forMs);

/** So many operations a second, spread over the clients; a client that is late goes on at once. */
export const runPaced = (
  work: Work,
  clients: number,
  perSecond: number,
  forMs: number,
): Promise<Slice> => {
  const turns = Array.from({ length: clients }, (_, client) => client);
  return run(work, clients, forMs, (client, begunAt) => {
    const turn = turns[client] ?? 0;
    turns[client] = turn + clients;
    const waitMs = begunAt + (turn * 1000) / perSecond - performance.now();
    return waitMs > 1 ? sleep(waitMs) : undefined;
  });
};
