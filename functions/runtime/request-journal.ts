/**
 * The log of a vault: the journal of each request, and its lines. `close` writes the line of the
 * request. To add a field there, also add it to docs/runbook.md, and to `logged` in
 * system/log-lines.ts for `dsvault log` and the console. What the field contains comes in through a
 * method of `Journal` (vault/request.ts). The metrics and alarms of template.yaml read the lines,
 * too, and so does a restore (host/backup/destroys.ts). A host passes the numbers of each request
 * on to Prometheus (`observe`).
 */
import type { EndpointParts } from '../http/endpoint.ts';
import { ApiError, countsOf, type ForLog } from '../model/errors.ts';
import type { Principal, VersionRef } from '../model/types.ts';
import type { About, Decision, Journal, Selection } from '../vault/request.ts';
import { portionsOf, selectedIn } from './line-lists.ts';
import { createWriteLine, type LineParts, type WriteLine } from './log-line.ts';

/** Decisions that need attention soon. An alarm in template.yaml counts the lines of each. */
export const alarms: ReadonlySet<Decision> = new Set<Decision>([
  'key_fault',
  'integrity_failure',
  'outcome_unknown',
  'clock_skew',
  'table_replicated',
]);

/**
 * Decisions that get a line immediately. A restore must know of a destruction even if the process
 * dies before the request ends.
 */
const toldAtOnce: ReadonlySet<Decision> = new Set<Decision>([...alarms, 'destroyed']);

/** The numbers of a request. They contain no name, no tenant, and no other word of a caller. */
export type Measures = {
  readonly operation: string;
  readonly status: number;
  readonly elapsedMs: number;
  readonly calls: { readonly store: number; readonly kms: number };
  readonly decisions: ReadonlyMap<Decision, number>;
};

export type LogParts = LineParts & {
  /**
   * Returns the fields that turn a line into metrics: each of `numbers` becomes a metric, counted
   * separately for each value of the field that `dimension` names. The default is none.
   */
  readonly metricsOf?: (
    dimension: 'operation' | 'decision',
    numbers: Readonly<Record<string, number>>,
  ) => object;
  /** Receives the measures of each request. Must not throw. */
  readonly observe?: ((measures: Measures) => void) | undefined;
};

export type Log = Pick<EndpointParts, 'openJournal'> & {
  /** Writes a line of the vault itself. */
  readonly writeLine: WriteLine;
};

/**
 * Decisions whose versions the request's line lists in `wrote`: they were written or destroyed, or,
 * after `outcome_unknown`, may have been written.
 */
const changes: ReadonlySet<Decision> = new Set<Decision>([
  'created',
  'version_written',
  'deleted',
  'destroyed',
  'outcome_unknown',
]);

/**
 * Makes the log of a vault. Every field of the lines of a request is written by name, so that
 * nothing else of the request, least of all a value, can reach the log.
 */
export const createLog = ({ metricsOf, observe, ...parts }: LogParts): Log => {
  const writeLine = createWriteLine(parts);
  const openJournal: Log['openJournal'] = (operation, requestId, gatewayRequestId) => {
    const ids = { requestId, gatewayRequestId };
    const calls = { store: 0, kms: 0 };
    const decisions = new Map<Decision, number>();
    let units = 0;
    let attempts = 0;
    let about: About = {};
    const [read, wrote, compared, copied] = [newList(), newList(), newList(), newList()];
    const kmsRequestIds: string[] = [];
    /**
     * How the request selected each version. A version that it selected in several ways counts as
     * `current` if one of them was `current`.
     */
    const selections = new Map<string, Selection>();
    const select = (list: Set<string>, version: VersionRef, selection: Selection): void => {
      const entry = writtenAs(version);
      list.add(entry);
      if (selections.get(entry) !== 'current') selections.set(entry, selection);
    };
    const decided: Journal['decided'] = (decision, ref = {}) => {
      decisions.set(decision, (decisions.get(decision) ?? 0) + 1);
      if (changes.has(decision) && ref.name !== undefined) wrote.add(writtenAs(ref));
      if (!toldAtOnce.has(decision)) return;
      const isAlarm = alarms.has(decision);
      void writeLine(isAlarm ? 'WARN' : 'INFO', 'decision', {
        ...ids,
        operation,
        decision,
        ...secretOf(ref),
        ...(isAlarm && metricsOf?.('decision', { Warnings: 1 })),
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
        // The code that finds a malformed item or a wrong interval has no journal, so the alarm is
        // raised here.
        if (code === 'integrity_failure' && !decisions.has(code)) decided(code, about);
        const { why, reasons, blocking, by, mismatches, ...token } = forLogOf(error);
        const {
          issuer = token.issuer,
          rule,
          tenant,
          subject,
        }: Partial<Principal> = principal ?? {};
        const who = { ...ids, operation, issuer, rule, tenant, subject };
        const outcome = status >= 500 ? 'failed' : error === undefined ? 'ok' : 'refused';
        const end = { outcome, status, code, why };
        const ms = Math.round(elapsedMs * 10) / 10;
        const lists = { read, wrote, compared, copied, kmsRequestIds };
        const [first, ...more] = portionsOf(lists).map((portion) => ({
          ...portion,
          ...selectedIn(portion, selections),
        }));
        const request = {
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
          ...metricsOf?.('operation', {
            Duration: ms,
            Faults: status >= 500 ? 1 : 0,
            LostRaces: decisions.get('lost_race') ?? 0,
          }),
          ...causeOf(error),
          // Lists come last: CloudWatch indexes only the first 200 fields and entries of a line.
          ...first,
          mismatches: mismatches?.length ? mismatches : undefined,
          // An empty list means that none of the KMS calls has an id. A line that counts KMS calls
          // but has no list comes from a release that did not log the ids.
          ...(calls.kms > 0 && kmsRequestIds.length === 0 && { kmsRequestIds }),
        };
        let written = writeLine(status >= 500 ? 'ERROR' : 'INFO', 'request', request, true);
        for (const portion of more) {
          written = writeLine('INFO', 'continued', { ...who, ...end, ...portion }, true);
        }
        observe?.({ operation, status, elapsedMs, calls, decisions });
        return written;
      },
    };
  };
  return { writeLine, openJournal };
};

const newList = () => new Set<string>();

const secretOf = ({ name, version }: Partial<VersionRef>) => ({ secret: name, version });

const writtenAs = ({ name, version }: Partial<VersionRef>): string => `${name}@${version}`;

const codeOf = (error: unknown): string | undefined => {
  if (error === undefined) return undefined;
  return error instanceof ApiError ? error.code : 'internal';
};

/**
 * Returns the fields of the log line that say why a request was refused. For a `.env` file,
 * `reasons` counts each reason or error code, and `why` has them without the counts. Errors are
 * counted as far as the reply lists them: the first 100.
 */
const forLogOf = (error: unknown): ForLog => {
  if (!(error instanceof ApiError)) return {};
  const { forLog, properties } = error;
  const codes = properties.errors?.map(({ code }) => code);
  const reasons = forLog.reasons ?? (codes && countsOf(codes));
  return { ...forLog, ...(reasons && { reasons, why: Object.keys(reasons).sort().join(' ') }) };
};

/**
 * The cause of a fault: its name and, for `internal`, its stack frames, but never its message,
 * which may quote a request.
 */
const causeOf = (error: unknown): Readonly<Record<string, unknown>> => {
  if (error === undefined) return {};
  const root = error instanceof ApiError ? error.cause : error;
  if (!(root instanceof Error)) return {};
  return { cause: root.name, ...(codeOf(error) === 'internal' && { frames: framesOf(root) }) };
};

/**
 * A stack begins with the message, and a line of the message may look like a frame, so the message
 * is cut off.
 */
const framesOf = ({ stack = '', message }: Error): readonly string[] => {
  const at = stack.indexOf(message);
  const lines = at < 0 ? [] : stack.slice(at + message.length).split('\n');
  return lines.map((line) => line.trim()).filter((line) => line.startsWith('at '));
};
