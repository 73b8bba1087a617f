/**
 * Checks whether the requests in logs contradict each other. Each secret is checked by itself. Its
 * versions only grow: a request must not read an older version than one that an answered write or
 * an earlier reading shows before it began, and must write a newer one. A read of a version that is
 * only written later is reported at that write. Only readings of the current version count,
 * including those by a copy. All lines with one request id are one request, even if they are in
 * several logs or repeated. `runs.ts` finds out whether lines are missing.
 */
import type { LogLine } from '../../system/log-lines.ts';
import { type Coverage, counted, partsOf, type Range, readLogs } from './log-reading.ts';
import { collectRuns, type Head, type Runs } from './runs.ts';

/** What a report says about the line of a request, so that the user can find it in the log. */
type Place = Pick<LogLine, 'timestamp' | 'requestId' | 'operation'> & {
  /** The number, from 0, of the log that has the line. */
  readonly log: number;
};

/** Two requests that cannot both be true, in the order in which they began. */
export type Contradiction = {
  readonly tenant: string | undefined;
  readonly secret: string;
  readonly says: string;
  readonly lines: readonly [Place, Place];
};

type Counts = {
  requests: number;
  /**
   * The number of writes whose request did not learn whether they took effect, and how many of
   * these did take effect.
   */
  unclear: number;
  tookEffect: number;
  /** The number of versions that must have been written although no line tells of it. */
  withoutLine: number;
  /**
   * The number of readings and writes that are not checked, because the clock of their log went
   * back while they ran.
   */
  notKnown: number;
  /**
   * The number of requests whose lines do not say whether they asked for a version by its number.
   * Their readings are not checked.
   */
  untold: number;
};

export type Check = Coverage &
  Readonly<Counts> &
  Runs & { readonly contradictions: readonly Contradiction[] };

export type CheckOptions = {
  /** The greatest difference between the clocks of two logs, in milliseconds. */
  readonly clocksMs: number;
  /**
   * Whether each log has its lines in the order in which they were written. Only then an earlier
   * time after a later one shows that the clock went back.
   */
  readonly isOrdered: boolean;
  /**
   * The last line of each run (see `runs.ts`) at an earlier time, which the logs must still have.
   */
  readonly heads?: readonly Head[] | undefined;
};

/**
 * One reading or one write of a version of a secret by a request. Version 0 says that the request
 * found no such secret.
 */
type Act = {
  readonly name: string;
  readonly version: number;
  /** `attempt` is a write of which nobody knows whether it took effect. */
  readonly kind: 'read' | 'write' | 'attempt';
};

/** When a request began and ended, in milliseconds, and where its first line is. */
type Span = { begin: number; end: number; readonly place: Place };

/** A request, put together from all lines with its id. */
type Request = {
  readonly span: Span;
  /** Whether there is a line `request`, and not only lines that continue one. */
  hasLine: boolean;
  isUntold: boolean;
  readonly acts: SpannedAct[];
};

type SpannedAct = Act & { readonly span: Span };

/** The writes and readings of one secret in the logs. */
type History = Pick<Contradiction, 'tenant' | 'secret'> & { readonly acts: SpannedAct[] };

/** A range of time that a log has twice, because its clock went back from `to` to `from`. */
type Step = { readonly log: number; readonly from: number; readonly to: number };

/** The answer in one sentence, which claims no more than the logs tell. */
export const checkSentence = (check: Check): string => {
  const { requests, contradictions, unclear, tookEffect, withoutLine, notKnown, untold } = check;
  const parts = [
    `${counted(contradictions.length, 'contradiction')} in ${counted(requests, 'request')}`,
    unclear > 0 && `${unclear} unclear (${tookEffect} took effect)`,
    withoutLine > 0 && `${counted(withoutLine, 'version')} without a line`,
    notKnown > 0 && `${notKnown} not known, because a clock went back`,
    untold > 0 && `${untold} of processes that do not say how they read`,
  ];
  return parts.filter((part) => part !== false).join('; ');
};

/**
 * Times may be wrong by this much, because a line has whole milliseconds, and is written a moment
 * after its request was measured.
 */
const roundingMs = 2;

/** Checks the lines of all logs; see `Check`. Needs some 800 bytes of memory for each request. */
export const checkLogs = async (
  logs: readonly AsyncIterable<string>[],
  range: Range,
  { clocksMs, isOrdered, heads }: CheckOptions,
): Promise<Check> => {
  const runs = collectRuns();
  const histories = new Map<string, History>();
  /** The requests by their id. A line without an id is a request of its own. */
  const requests = new Map<string | symbol, Request>();
  const steps: Step[] = [];
  let latest = { log: 0, at: Number.NEGATIVE_INFINITY };
  const takeInRange = (line: LogLine, log: number): void => {
    const { message, timestamp, requestId, operation, tenant, ms = 0 } = line;
    const at = Date.parse(timestamp);
    const known = requestId === undefined ? undefined : requests.get(requestId);
    // Only the first line of each request shows whether the clock went back. A log can contain a
    // line twice, and the second copy has an earlier time than the line before it.
    if (known === undefined) {
      const isBack = isOrdered && latest.log === log && at + roundingMs < latest.at;
      if (isBack) steps.push({ log, from: at, to: latest.at });
      latest = { log, at };
    }
    if (message !== 'request' && message !== 'continued') return;
    const place = { timestamp, requestId, operation, log };
    const request: Request = known ?? {
      span: { begin: at, end: at, place },
      ...{ hasLine: false, isUntold: false, acts: [] },
    };
    if (known === undefined) requests.set(requestId ?? Symbol(), request);
    const { span, acts } = request;
    // Only the line `request` has the duration `ms`; for other lines it is 0.
    span.begin = Math.min(span.begin, at - ms);
    span.end = Math.max(span.end, at);
    request.hasLine ||= message === 'request';
    request.isUntold ||= isUntold(line);
    for (const { name, version, kind } of actsIn(line)) {
      if (acts.some((one) => one.name === name && one.version === version && one.kind === kind))
        continue;
      const act = { name, version, kind, span };
      acts.push(act);
      const key = `${tenant} ${name}`;
      const history = histories.get(key) ?? { tenant, secret: name, acts: [] };
      histories.set(key, history);
      history.acts.push(act);
    }
  };
  // The numbers of lines are checked in the whole log: also outside of the range, in all tenants.
  const coverage = await readLogs(logs, range, takeInRange, runs.take);
  const counts: Counts = {
    requests: countOf(requests, ({ hasLine }) => hasLine),
    untold: countOf(requests, ({ isUntold }) => isUntold),
    ...{ unclear: 0, tookEffect: 0, withoutLine: 0, notKnown: 0 },
  };
  const contradictions = [...histories.values()].flatMap((history) =>
    judge(history, steps, clocksMs, counts),
  );
  return { ...coverage, ...counts, ...runs.found(coverage.begins, heads), contradictions };
};

const countOf = (
  requests: ReadonlyMap<unknown, Request>,
  isCounted: (request: Request) => boolean,
): number => [...requests.values()].filter(isCounted).length;

const isUntold = ({ outcome, read, copied, pinned }: LogLine): boolean =>
  outcome === 'ok' && read.length + copied.length > 0 && pinned === undefined;

const actsIn = (line: LogLine): readonly Act[] => {
  const { operation, outcome, secret, wrote, read, compared, copied, pinned, past } = line;
  const isSure = outcome === 'ok';
  const written = operation === 'destroy-version' ? [] : wrote.map(partsOf);
  const others = new Set([...(pinned ?? []), ...past]);
  const found = new Set([...read, ...compared, ...copied]);
  const current = [...found].filter((entry) => !others.has(entry));
  const met = versionOfRefusal(line);
  return [
    ...written.map((entry) => ({ ...entry, kind: isSure ? 'write' : 'attempt' }) as const),
    ...(isSure && pinned ? current.map(partsOf) : []).map(
      (entry) => ({ ...entry, kind: 'read' }) as const,
    ),
    ...(secret !== undefined && met !== undefined
      ? [{ name: secret, version: met, kind: 'read' } as const]
      : []),
  ];
};

/**
 * The version that a refused request found as the current one of its secret: 0 if there was no such
 * secret, `undefined` if its line does not say.
 */
const versionOfRefusal = ({ operation, why, version, blocking }: LogLine): number | undefined => {
  if (why === 'never_existed') return 0;
  if (why === 'deleted') return version;
  return operation === 'destroy-version' ? undefined : blocking;
};

/**
 * Returns the contradictions among the requests of one secret, and counts what it does not know.
 */
const judge = (
  { tenant, secret, acts }: History,
  steps: readonly Step[],
  clocksMs: number,
  counts: Counts,
): readonly Contradiction[] => {
  const isKnown = ({ span: { begin, end, place } }: SpannedAct): boolean =>
    !steps.some(({ log, from, to }) => log === place.log && begin <= to && end >= from);
  const known = acts.filter(isKnown).sort((one, other) => one.span.begin - other.span.begin);
  const evidence = known
    .filter(({ kind }) => kind !== 'attempt')
    .sort((one, other) => one.span.end - other.span.end);

  const contradictions: Contradiction[] = [];
  const contradict = (says: string, one: SpannedAct, other: SpannedAct): void => {
    contradictions.push({ tenant, secret, says, lines: [one.span.place, other.span.place] });
  };

  const written = new Map<number, SpannedAct>();
  /** The versions of attempts that may have taken effect. */
  const open = new Set<number>();
  /**
   * Of the readings and writes that had ended before the present one began, the one with the newest
   * version.
   */
  let newest: SpannedAct | undefined;
  let ended = 0;
  for (const act of known) {
    for (let next = evidence[ended]; next; next = evidence[ended]) {
      if (next.span.end + roundingMs + clocksMs >= act.span.begin) break;
      if (!newest || next.version > newest.version) newest = next;
      ended += 1;
    }
    const { kind, version } = act;
    const twin = kind === 'write' ? written.get(version) : undefined;
    const isLate = newest && newest.version >= version + (kind === 'read' ? 1 : 0);
    // A create that attempts version 1 does not know of any other version yet, so this is no
    // contradiction. Every other write reads the current version first.
    if (isLate && kind === 'attempt' && version === 1) continue;
    if (twin) contradict(`wrote version ${version} twice`, twin, act);
    else if (newest && isLate) {
      const what = version === 0 ? 'found no secret' : `${verbs[kind]} version ${version}`;
      contradict(`${what} after version ${newest.version} was there`, newest, act);
    }
    if (kind === 'write') written.set(version, act);
    if (kind === 'attempt') open.add(version);
  }

  const versions = evidence.map(({ version }) => version).sort((one, other) => one - other);
  const [oldest = 0, current = 0] = [versions[0], versions.at(-1)];
  const told = new Set(acts.flatMap(({ kind, version }) => (kind === 'read' ? [] : version)));
  const isBetween = (version: number) => version > oldest && version <= current;
  counts.unclear += known.length - evidence.length;
  counts.tookEffect += [...open].filter((one) => one <= current && !written.has(one)).length;
  counts.withoutLine += current - oldest - [...told].filter(isBetween).length;
  counts.notKnown += acts.length - known.length;
  return contradictions;
};

const verbs = { read: 'found', write: 'wrote', attempt: 'perhaps wrote' } as const;
