/** Measures the cost and the time of operations at one size. */
import type { RequestContext } from '../../functions/vault/request.ts';
import { type ReadableJournal, requestContext } from '../../test/support/requests.ts';
import { cpuOf, cpuTotal, machineCpu, processesUnder } from '../processes.ts';
import { describeMachine } from '../report.ts';
import { percentile } from '../statistics.ts';
import type { Axis, Counted, Point } from './points.ts';
import { bytesExchanged } from './traffic.ts';

/** Performs one operation for one of the clients, counted from 0. Rejects if the result is wrong. */
export type Work = (context: RequestContext, client: number) => Promise<unknown>;

export type Sizing = {
  readonly axis: Axis;
  readonly size: number;
  readonly clients?: number;
  /** The duration of each turn. */
  readonly forMs?: number;
};

const turns = 3;
const countMin = 4;
const countMax = 2_000;
const warmUps = 2;

const countedOf = (
  { storeCalls, kmsCalls, ...units }: ReadableJournal,
  bytes: number,
): Counted => ({
  storeCalls: storeCalls.length,
  masterKeyCalls: kmsCalls.length,
  reads: units.readUnits(),
  writes: units.writeUnits(),
  bytes,
});

const mostOf = (all: readonly Counted[]): Counted => {
  const most = (part: keyof Counted) => Math.max(...all.map((counted) => counted[part]));
  return {
    storeCalls: most('storeCalls'),
    masterKeyCalls: most('masterKeyCalls'),
    reads: most('reads'),
    writes: most('writes'),
    bytes: most('bytes'),
  };
};

/** Runs a closed loop for each client. Bytes can be assigned to operations only with one client. */
const takeTurn = async (sizing: Sizing, operation: string, work: Work): Promise<Point> => {
  const { axis, size, clients = 1, forMs = 200 } = sizing;
  for (let count = 0; count < warmUps; count += 1) await work(requestContext(), count % clients);
  const [latencies, tries, counted]: [number[], number[], Counted[]] = [[], [], []];
  let failed = 0;
  const once = async (client: number) => {
    const context = requestContext();
    const [at, bytes] = [performance.now(), bytesExchanged()];
    await work(context, client).then(
      () => {
        latencies.push(performance.now() - at);
        tries.push(context.journal.attempts());
        counted.push(countedOf(context.journal, bytesExchanged() - bytes));
      },
      () => {
        failed += 1;
      },
    );
  };
  const services = processesUnder(process.pid);
  const [own, others, machine] = [process.cpuUsage(), cpuTotal(cpuOf(services)), machineCpu()];
  const begun = performance.now();
  const lane = async (client: number) => {
    while (
      latencies.length + failed < countMax &&
      (performance.now() - begun < forMs || latencies.length + failed < countMin)
    ) {
      await once(client);
    }
  };
  await Promise.all(Array.from({ length: clients }, (_, client) => lane(client)));
  const elapsedMs = performance.now() - begun;
  const { user, system } = process.cpuUsage(own);
  const cpuMs = (user + system) / 1000 + cpuTotal(cpuOf(services)) - others;
  const busyMs = machineCpu() - machine;
  latencies.sort((a, b) => a - b);
  return {
    axis,
    size,
    operation,
    count: latencies.length,
    failed,
    p50: percentile(latencies, 0.5),
    p99: percentile(latencies, 0.99),
    perSecond: (latencies.length * 1000) / elapsedMs,
    cpu: cpuMs / latencies.length,
    others: Math.max(0, busyMs - cpuMs) / (elapsedMs * describeMachine().processors),
    ...(clients === 1 && { counted: mostOf(counted) }),
    ...(Math.max(...tries) > 0 && {
      tries: {
        mean: tries.reduce((sum, each) => sum + each, 0) / tries.length,
        most: Math.max(...tries),
      },
    }),
  };
};

const sumOf = (points: readonly Point[], of: (point: Point) => number): number =>
  points.reduce((sum, point) => sum + of(point), 0);

/**
 * Measures each operation in three alternating turns, so that other load on the machine affects all equally. Times come
 * from the turn with the lowest median, because noise only adds to it. Processor time covers all turns, and counts are
 * the highest of all.
 */
export const takeAll = async (
  sizing: Sizing,
  works: Readonly<Record<string, Work>>,
): Promise<readonly Point[]> => {
  const taken = Object.entries(works).map(([operation, work]) => ({
    operation,
    work,
    points: [] as Point[],
  }));
  for (let turn = 0; turn < turns; turn += 1) {
    for (const { operation, work, points } of taken) {
      points.push(await takeTurn(sizing, operation, work));
    }
  }
  return taken.map(({ operation, points }) => {
    const [best] = points.toSorted((a, b) => a.p50 - b.p50);
    if (best === undefined) throw new Error(`${operation} was not measured`);
    const counted = points.flatMap((point) => point.counted ?? []);
    const tries = points.flatMap((point) => point.tries?.most ?? []);
    const count = sumOf(points, (point) => point.count);
    return {
      ...best,
      count,
      cpu: sumOf(points, (point) => point.cpu * point.count) / count,
      failed: sumOf(points, (point) => point.failed),
      ...(counted.length > 0 && { counted: mostOf(counted) }),
      ...(best.tries && { tries: { ...best.tries, most: Math.max(...tries) } }),
    };
  });
};
