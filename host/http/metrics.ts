/**
 * The metrics of a local host, for Prometheus. No label comes from a caller, so the number of
 * series is bounded by the operations and their statuses.
 */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Identity } from '../../functions/http/identity.ts';
import { alarms, type Measures } from '../../functions/runtime/request-journal.ts';

/**
 * The limits of the histogram of request durations, in seconds. A request on a local host takes
 * some milliseconds, and never more than ten seconds.
 */
const durationBuckets = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 4, 8];

/**
 * Adds a gauge that `read` fills at each scrape. While `read` returns `undefined`, the gauge is
 * absent.
 */
export const addGauge = (
  registry: Registry,
  name: string,
  help: string,
  read: () => number | undefined,
): void => {
  new Gauge({
    name,
    help,
    registers: [registry],
    collect() {
      const value = read();
      if (value === undefined) this.remove();
      else this.set(value);
    },
  });
};

/**
 * Creates the metrics of requests, of the access policy and of this process. `observe` counts one
 * request.
 */
export const createMetrics = (policy: Identity['state']) => {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const requests = new Counter({
    name: 'vault_requests_total',
    help: 'Requests that an operation answered.',
    labelNames: ['operation', 'status'],
    registers,
  });
  const durations = new Histogram({
    name: 'vault_request_duration_seconds',
    help: 'Time from the call of an operation to its answer.',
    labelNames: ['operation'],
    buckets: durationBuckets,
    registers,
  });
  const warnings = new Counter({
    name: 'vault_warnings_total',
    help: 'Decisions that need attention.',
    labelNames: ['decision'],
    registers,
  });
  const lostRaces = new Counter({
    name: 'vault_lost_races_total',
    help: 'Attempts of writes that lost a race against another write of the same secret.',
    registers,
  });
  const calls = new Counter({
    name: 'vault_calls_total',
    help: 'Calls to the store and to the master key.',
    labelNames: ['service'],
    registers,
  });
  addGauge(
    registry,
    'vault_policy_fault',
    '1 while the file of the access policy is invalid, so that the previous policy is in use.',
    () => (policy()?.fault ? 1 : 0),
  );
  // Starts these counters at 0, because Prometheus computes an increase only from a value that it
  // has seen before.
  for (const decision of alarms) warnings.inc({ decision }, 0);
  for (const service of ['store', 'kms']) calls.inc({ service }, 0);

  const observe = ({ operation, status, elapsedMs, calls: made, decisions }: Measures): void => {
    requests.inc({ operation, status });
    durations.observe({ operation }, elapsedMs / 1_000);
    calls.inc({ service: 'store' }, made.store);
    calls.inc({ service: 'kms' }, made.kms);
    lostRaces.inc(decisions.get('lost_race') ?? 0);
    for (const [decision, count] of decisions) {
      if (alarms.has(decision)) warnings.inc({ decision }, count);
    }
  };
  return { registry, observe };
};
