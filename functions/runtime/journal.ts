/**
 * The log: one JSON object a line. `close` writes the line of a request. A new field of it goes there and
 * into docs/runbook.md, and into `logged` of system/log-lines.ts for `dsvault log` and the console. Its
 * content comes by a method of `Journal` (vault/request.ts). Metrics and alarms of template.yaml, and a
 * restore (local/backup/destroys.ts), read the lines too. `observeRequests` hands the numbers to Prometheus.
 */
import type { RequestJournal } from '../http/endpoint.ts';
import { countsOf, VaultError, type Why } from '../model/errors.ts';
import { limits } from '../model/limits.ts';
import type { Principal, VersionRef } from '../model/types.ts';
import type { About, Decision, Journal, Selection } from '../vault/request.ts';
import { isOnLambda, readServiceName } from './config.ts';

const service = readServiceName();
const onLambda = isOnLambda();

export type Level = 'INFO' | 'WARN' | 'ERROR';

/** INFO goes to stdout, WARN and ERROR to stderr. Lambda filters lines by `level` and `timestamp`. */
const write = (level: Level, message: string, fields: object): void => {
  const timestamp = new Date().toISOString();
  const line = JSON.stringify({ level, message, timestamp, service, ...fields });
  (level === 'INFO' ? process.stdout : process.stderr).write(`${line}\n`);
};

/** Decisions that need attention soon. An alarm of template.yaml counts each by its line. */
export const alarms: ReadonlySet<Decision> = new Set<Decision>([
  'key_fault',
  'integrity_failure',
  'outcome_unknown',
  'clock_skew',
  'table_replicated',
]);

/** Decisions with a line at once. A restore must know of a destruction even if the process dies early. */
const toldAtOnce: ReadonlySet<Decision> = new Set<Decision>([...alarms, 'destroyed']);

/** The numbers of a request, without a name, a tenant, or any other word of a caller. */
export type Measures = {
  readonly operation: string;
  readonly status: number;
  readonly elapsedMs: number;
  readonly calls: { readonly store: number; readonly kms: number };
  /** How often each decision was made. */
  readonly decisions: ReadonlyMap<Decision, number>;
};

let observe: (measures: Measures) => void = () => undefined;

/**
 * From now on `listener`, which must not throw, is called with the measures of each request, for a host's own
 * metrics.
 */
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
 * The journal of a request and its log lines. Every field is written by name, so that nothing else of a
 * request, least of all a value, can reach a log. An undefined field does not appear in JSON.
 */
export const openJournal = (
  operation: string,
  requestId: string,
  gatewayRequestId?: string,
): RequestJournal => {
  // The gateway of npm start and of a node hands its own id to the function.
  const ids = { requestId, ...(onLambda && { gatewayRequestId }) };
  const calls = { store: 0, kms: 0 };
  const decisions = new Map<Decision, number>();
  let units = 0;
  let attempts = 0;
  let about: About = {};
  const [read, compared] = [new Set<string>(), new Set<string>()];
  /** A version of these lists that was selected in several ways counts as current if that is one of them. */
  const selections = new Map<string, Selection>();
  const select = (list: Set<string>, version: VersionRef, selection: Selection): void => {
    const entry = writtenAs(version);
    list.add(entry);
    if (selections.get(entry) !== 'current') selections.set(entry, selection);
  };
  const [wrote, copied] = [new Set<string>(), new Set<string>()];
  const kmsRequestIds: string[] = [];
  const decided: Journal['decided'] = (decision, ref = {}) => {
    decisions.set(decision, (decisions.get(decision) ?? 0) + 1);
    if (changes.has(decision) && ref.name !== undefined) wrote.add(writtenAs(ref));
    if (!toldAtOnce.has(decision)) return;
    const isAlarm = alarms.has(decision);
    write(isAlarm ? 'WARN' : 'INFO', 'decision', {
      ...ids,
      operation,
      decision,
      ...secretOf(ref),
      ...(isAlarm && metricsOf('decision', { Warnings: 1 })),
    });
  };

  return {
    called: (service, _call, consumed = 0) => {
      calls[service] += 1;
      units += consumed;
    },
    answered: (id) => {
      if (id !== undefined) kmsRequestIds.push(id);
    },
    opened: (version, selection) => select(read, version, selection),
    copied: (version, selection) => select(copied, version, selection),
    compared: (version, selection) => select(compared, version, selection),
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
      const { why, reasons, blocking, by, mismatches, ...token } = whyOf(error);
      const { issuer = token.issuer, rule, tenant, subject }: Partial<Principal> = principal ?? {};
      const who = { ...ids, operation, issuer, rule, tenant, subject };
      const outcome = status >= 500 ? 'failed' : error === undefined ? 'ok' : 'refused';
      const end = { outcome, status, code, why };
      const ms = Math.round(elapsedMs * 10) / 10;
      const lists = {
        ...{ read: [...read], wrote: [...wrote], compared: [...compared], copied: [...copied] },
        kmsRequestIds,
      };
      const [first, ...more] = portionsOf(lists).map((portion) => ({
        ...portion,
        ...selectedIn(portion, selections),
      }));
      write(status >= 500 ? 'ERROR' : 'INFO', 'request', {
        ...who,
        ...secretOf(about),
        noteBytes: about.noteBytes,
        writeId: about.writeId,
        ...end,
        ...{ reasons, blocking, by },
        decisions: decisions.size > 0 ? Object.fromEntries(decisions) : undefined,
        attempts,
        storeCalls: calls.store,
        kmsCalls: calls.kms,
        units,
        ms,
        ...metricsOf('operation', {
          Duration: ms,
          Faults: status >= 500 ? 1 : 0,
          LostRaces: decisions.get('lost_race') ?? 0,
        }),
        ...causeOf(error),
        // Lists are last: CloudWatch finds only the first 200 fields and entries of a line.
        ...first,
        mismatches: mismatches?.length ? mismatches : undefined,
        // An empty list says that no call has an id. Lines of versions that knew no ids have no list.
        ...(calls.kms > 0 && kmsRequestIds.length === 0 && { kmsRequestIds }),
      });
      for (const portion of more) write('INFO', 'continued', { ...who, ...end, ...portion });
      observe({ operation, status, elapsedMs, calls, decisions });
    },
  };
};

/**
 * Makes a line metrics of CloudWatch, too (embedded metric format): these numbers, without those that are 0,
 * for each value of the line's field `dimension`. The samples of `Duration` count the requests. Elsewhere
 * than on AWS nobody reads such metrics.
 */
const metricsOf = (
  dimension: 'operation' | 'decision',
  numbers: Readonly<Record<string, number>>,
): object => {
  if (!onLambda) return {};
  const counted = Object.entries(numbers).filter(([Name, n]) => n > 0 || Name === 'Duration');
  const Metrics = counted.map(([Name]) => ({
    Name,
    Unit: Name === 'Duration' ? 'Milliseconds' : 'Count',
  }));
  const directive = { Namespace: 'SecretsVault', Dimensions: [['service', dimension]], Metrics };
  const _aws = { Timestamp: Date.now(), CloudWatchMetrics: [directive] };
  return { _aws, ...Object.fromEntries(counted) };
};

const secretOf = ({ name, version }: Partial<VersionRef>) => ({ secret: name, version });

const writtenAs = ({ name, version }: Partial<VersionRef>): string => `${name}@${version}`;

type Lists = Readonly<Record<string, readonly string[]>>;

/**
 * Which versions in the lists of a line were selected by a number or as past ones; all others were current. Lines of
 * processes that did not tell have no list `pinned`, and every line that tells has one.
 */
const selectedIn = (
  { read = [], compared = [], copied = [] }: Partial<Lists>,
  selections: ReadonlyMap<string, Selection>,
): Partial<Lists> => {
  const entries = [...new Set([...read, ...compared, ...copied])];
  const selected = (by: Selection) => entries.filter((entry) => selections.get(entry) === by);
  const [pinned, past] = [selected('number'), selected('past')];
  return { ...(entries.length > 0 && { pinned }), ...(past.length > 0 && { past }) };
};

/**
 * The lists in portions for one line each: the line of the request, then further lines. Only a request whose
 * attempts lost races or failed needs more than one. A portion leaves out its empty lists.
 */
const portionsOf = (lists: Lists): Partial<Lists>[] => {
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

/** The reason of a refusal. The word of a file is all words of its faults, of which a reply has the first 100. */
const whyOf = (error: unknown): Why => {
  if (!(error instanceof VaultError)) return {};
  const { why, properties } = error;
  const codes = properties.errors?.map(({ code }) => code);
  const reasons = why.reasons ?? (codes && countsOf(codes));
  return { ...why, ...(reasons && { reasons, why: Object.keys(reasons).sort().join(' ') }) };
};

/** The cause of a fault: its name and stack frames, never its message, which may quote a request. */
const causeOf = (error: unknown): Readonly<Record<string, unknown>> => {
  if (error === undefined) return {};
  const root = error instanceof VaultError ? error.cause : error;
  if (!(root instanceof Error)) return {};
  return { cause: root.name, ...(codeOf(error) === 'internal' && { frames: framesOf(root) }) };
};

/** The stack begins with the message, of which a line may look like a frame, so the message is cut off. */
const framesOf = ({ stack = '', message }: Error): readonly string[] => {
  const at = stack.indexOf(message);
  const lines = at < 0 ? [] : stack.slice(at + message.length).split('\n');
  return lines.map((line) => line.trim()).filter((line) => line.startsWith('at '));
};

/** Writes one line about the access policy of a host: INFO if it is used, WARN if its file cannot be. */
export const logPolicy = (policy: { readonly fault: string | null }): void => {
  write(policy.fault === null ? 'INFO' : 'WARN', 'policy', policy);
};

/** Writes a WARN line about the file of the master key, which a host reads in its own process. */
export const logKeyFile = (fault: string): void => write('WARN', 'master key', { fault });

/** Writes one line about the certificate that a host serves. `fault`: why it, or one to replace it, needs attention. */
export const logCertificate = (
  level: Level,
  certificate: { readonly serial: string; readonly endsAt: string; readonly fault: string | null },
): void => write(level, 'certificate', certificate);
