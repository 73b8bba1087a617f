/** The log: what the line of a request holds, and who reads its numbers. */

import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import type { RequestJournal } from '../http/endpoint.ts';
import { VaultError } from '../model/errors.ts';
import { limits } from '../model/limits.ts';
import type { Principal, VersionRef } from '../model/types.ts';
import type { About, Decision, Journal } from '../vault/request.ts';
import { readServiceName } from './config.ts';

const serviceName = readServiceName();
const logger = new Logger({ serviceName });
const metrics = new Metrics({ namespace: 'SecretsVault', serviceName });

/** Decisions that need attention soon. Each is counted, so that an alarm of template.yaml can tell of it. */
export const alarms: ReadonlySet<Decision> = new Set<Decision>([
  'key_fault',
  'integrity_failure',
  'outcome_unknown',
  'clock_skew',
  'table_replicated',
]);

/** The numbers of a request. It has no field for a name, a tenant, or any other word of a caller. */
export type Measures = {
  readonly operation: string;
  readonly status: number;
  readonly elapsedMs: number;
  readonly calls: { readonly store: number; readonly kms: number };
  /** How often each decision was made. */
  readonly decisions: ReadonlyMap<Decision, number>;
};

let observe: (measures: Measures) => void = () => undefined;

/** From now on `listener` gets the measures of each request, for a host that has its own metrics. It must not throw. */
export const observeRequests = (listener: (measures: Measures) => void): void => {
  observe = listener;
};

/** Decisions after which a secret has, or after the last may have, another version. */
const changes: ReadonlySet<Decision> = new Set<Decision>([
  'created',
  'version_written',
  'deleted',
  'destroyed',
  'outcome_unknown',
]);

/**
 * The journal of a request and its log lines. Each line is one JSON object, as CloudWatch expects. Every field is
 * written by name, so that nothing else of a request, least of all a value, can reach a log. Metrics are lines too
 * (embedded metric format).
 */
export const openJournal = (operation: string, requestId: string): RequestJournal => {
  const calls = { store: 0, kms: 0 };
  const decisions = new Map<Decision, number>();
  let units = 0;
  let attempts = 0;
  let about: About = {};
  const read = new Set<string>();
  const wrote = new Set<string>();
  const kmsRequestIds: string[] = [];
  const decided: Journal['decided'] = (decision, ref = {}) => {
    decisions.set(decision, (decisions.get(decision) ?? 0) + 1);
    const line = { requestId, operation, decision, ...secretOf(ref) };
    if (changes.has(decision) && ref.name !== undefined) wrote.add(writtenAs(ref));
    if (alarms.has(decision)) logger.warn('decision', line);
    else logger.info('decision', line);
  };

  return {
    called: (service, _call, consumed = 0) => {
      calls[service] += 1;
      units += consumed;
    },
    answered: (id) => {
      if (id !== undefined) kmsRequestIds.push(id);
    },
    opened: (version) => {
      read.add(writtenAs(version));
    },
    attempted: () => {
      attempts += 1;
    },
    concerns: (ref) => {
      about = ref;
    },
    decided,
    close: ({ principal, status, error, elapsedMs }) => {
      const code = codeOf(error);
      // The code that finds a malformed item or a wrong interval has no journal, so the alarm is raised here.
      if (code === 'integrity_failure' && !decisions.has(code)) decided(code, about);
      const who = { requestId, operation, ...(principal && callerOf(principal)) };
      const end = {
        outcome: status >= 500 ? 'failed' : error === undefined ? 'ok' : 'refused',
        status,
        ...(code !== undefined && { code }),
      };
      const lists = { read: [...read], wrote: [...wrote], kmsRequestIds };
      const [first, ...more] = portionsOf(lists);
      const line = {
        ...who,
        ...secretOf(about),
        ...(about.noteBytes !== undefined && { noteBytes: about.noteBytes }),
        ...(about.writeId !== undefined && { writeId: about.writeId }),
        ...end,
        attempts,
        storeCalls: calls.store,
        kmsCalls: calls.kms,
        units,
        ms: Math.round(elapsedMs * 10) / 10,
        ...causeOf(error),
        ...first,
        // An empty list says that no call has an id. Lines of versions that knew no ids have no list.
        ...(calls.kms > 0 && kmsRequestIds.length === 0 && { kmsRequestIds }),
      };
      if (status >= 500) logger.error('request', line);
      else logger.info('request', line);
      for (const portion of more) logger.info('continued', { ...who, ...end, ...portion });
      const measures = { operation, status, elapsedMs, calls, decisions };
      measure(measures);
      observe(measures);
    },
  };
};

/** An undefined rule does not appear in JSON. */
const callerOf = ({ issuer, rule, tenant, subject }: Principal) => ({
  issuer,
  rule,
  tenant,
  subject,
});

const secretOf = ({ name, version }: Partial<VersionRef>) => ({
  ...(name !== undefined && { secret: name }),
  ...(version !== undefined && { version }),
});

const writtenAs = ({ name, version }: Partial<VersionRef>): string => `${name}@${version}`;

/**
 * The lists in portions that fit into one line each: the first for the line of the request, and the others for further
 * lines. Only a request whose attempts lost races or failed needs more than one. A portion leaves out its empty lists.
 */
const portionsOf = (lists: Readonly<Record<string, readonly string[]>>) => {
  const longest = Math.max(...Object.values(lists).map(({ length }) => length));
  const count = Math.ceil(longest / limits.lineEntriesMax);
  return Array.from({ length: count }, (_, index) => {
    const from = index * limits.lineEntriesMax;
    const parts = Object.entries(lists).map(
      ([field, entries]) => [field, entries.slice(from, from + limits.lineEntriesMax)] as const,
    );
    return Object.fromEntries(parts.filter(([, entries]) => entries.length > 0));
  });
};

const codeOf = (error: unknown): string | undefined => {
  if (error === undefined) return undefined;
  return error instanceof VaultError ? error.code : 'internal';
};

/** The cause of a fault: its name and stack frames, never its message, which may quote a request. */
const causeOf = (error: unknown): Readonly<Record<string, unknown>> => {
  if (error === undefined) return {};
  const root = error instanceof VaultError ? error.cause : error;
  if (!(root instanceof Error)) return {};
  return { cause: root.name, ...(codeOf(error) === 'internal' && { frames: framesOf(root) }) };
};

/** The stack begins with the message. The message is cut off, because one of its lines may look like a frame. */
const framesOf = ({ stack = '', message }: Error): readonly string[] => {
  const at = stack.indexOf(message);
  const lines = at < 0 ? [] : stack.slice(at + message.length).split('\n');
  return lines.map((line) => line.trim()).filter((line) => line.startsWith('at '));
};

/** Writes one line about the access policy of a host: INFO if it is used, WARN if its file cannot be. */
export const logPolicy = (policy: { readonly fault: string | null }): void => {
  if (policy.fault === null) logger.info('policy', policy);
  else logger.warn('policy', policy);
};

/** Writes one line of metrics per request, and one for each kind of warning. It must not await anything in between, because requests may overlap. */
const measure = ({ operation, status, elapsedMs, decisions }: Measures): void => {
  metrics.addDimension('operation', operation);
  metrics.addMetric('Requests', MetricUnit.Count, 1);
  metrics.addMetric('Faults', MetricUnit.Count, status >= 500 ? 1 : 0);
  metrics.addMetric('Duration', MetricUnit.Milliseconds, elapsedMs);
  metrics.addMetric('LostRaces', MetricUnit.Count, decisions.get('lost_race') ?? 0);
  metrics.publishStoredMetrics();
  for (const [decision, count] of decisions) {
    if (!alarms.has(decision)) continue;
    const warning = metrics.singleMetric();
    warning.addDimension('decision', decision);
    warning.addMetric('Warnings', MetricUnit.Count, count);
  }
};
