/**
 * Checks whether the requests in logs contradict each other. Each secret is checked by itself. Its
 * versions only grow: a request must not read an older version than one that an answered write or
 * an earlier reading shows before it began, and must write a newer one. A read of a version that is
 * only written later is reported at that write. Only readings of the current version count,
 * including those by a copy. All lines with one request id are one request, even if they are in
 * several logs or repeated. `runs.ts` finds out whether lines are missing.
 */
import type { LogLine } from '../../system/log-lines.ts';
import {
  type Coverage,
  counted,
  type LogRange,
  partsOf,
  readLogs,
  timestampOf,
} from './log-reading.ts';
import { createNumberList, type NumberList } from './number-list.ts';
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

/**
 * The requests of the logs, each put together from all lines with its id. Each list has one number
 * for each request.
 */
type Requests = {
  /** When the request began and ended, and the time of its first line, in milliseconds. */
  readonly begin: NumberList;
  readonly end: NumberList;
  readonly at: NumberList;
  readonly log: NumberList;
  /** The index of the operation in `operations`. */
  readonly operation: NumberList;
  readonly operations: (string | undefined)[];
  /**
   * Bits: `hasLine` if a line `request` was found, not only lines that continue it, and `untold` if
   * its lines do not say whether it asked for a version by its number (see `Counts`).
   */
  readonly flags: NumberList;
  /** The index of each request by its id. A line without an id is a request of its own. */
  readonly byId: Map<string, number>;
};

/** The writes and readings of all secrets. Each list has one number for each of them. */
type Acts = {
  readonly request: NumberList;
  readonly version: NumberList;
  /** The index of the kind in `kinds`. */
  readonly kind: NumberList;
  /** The index of the act before this one that is of the same secret, or -1. */
  readonly before: NumberList;
};
const kinds: readonly Act['kind'][] = ['read', 'write', 'attempt'];

/** A secret in the logs, and the index of its last act. */
type History = Pick<Contradiction, 'tenant' | 'secret'> & { last: number };

/** An act with the time of its request, in milliseconds. */
type TimedAct = Pick<Act, 'version' | 'kind'> & {
  readonly request: number;
  readonly begin: number;
  readonly end: number;
};

/** A contradiction between two requests, by their indexes. */
type Found = Omit<Contradiction, 'lines'> & { readonly of: readonly [number, number] };

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

/** Checks the lines of all logs; see `Check`. Needs some 300 bytes of memory for each request. */
export const checkLogs = async (
  logs: readonly AsyncIterable<string>[],
  range: LogRange,
  { clocksMs, isOrdered, heads }: CheckOptions,
): Promise<Check> => {
  const runs = collectRuns();
  const histories = new Map<string, History>();
  const acts: Acts = {
    ...{ request: createNumberList(Int32Array), version: createNumberList() },
    ...{ kind: createNumberList(Int32Array), before: createNumberList(Int32Array) },
  };
  const requests: Requests = {
    ...{ begin: createNumberList(), end: createNumberList(), at: createNumberList() },
    ...{ log: createNumberList(Int32Array), operation: createNumberList(Int32Array) },
    ...{ operations: [], flags: createNumberList(Int32Array), byId: new Map() },
  };
  const steps: Step[] = [];
  let latest = { log: 0, at: Number.NEGATIVE_INFINITY };
  const takeInRange = (line: LogLine, log: number): void => {
    const { message, timestamp, requestId, operation, tenant, ms = 0 } = line;
    const at = Date.parse(timestamp);
    const known = requestId === undefined ? undefined : requests.byId.get(requestId);
    // Only the first line of each request shows whether the clock went back. A log can contain a
    // line twice, and the second copy has an earlier time than the line before it.
    if (known === undefined) {
      const isBack = isOrdered && latest.log === log && at + roundingMs < latest.at;
      if (isBack) steps.push({ log, from: at, to: latest.at });
      latest = { log, at };
    }
    if (message !== 'request' && message !== 'continued') return;
    const request = known ?? requests.at.length();
    // Only the line `request` has the duration `ms`; for other lines it is 0.
    const begin = at - ms;
    const flags = (message === 'request' ? hasLine : 0) | (isUntold(line) ? untold : 0);
    if (known === undefined) {
      if (requestId !== undefined) requests.byId.set(requestId, request);
      if (!requests.operations.includes(operation)) requests.operations.push(operation);
      requests.operation.push(requests.operations.indexOf(operation));
      requests.log.push(log);
      requests.at.push(at);
      requests.begin.push(begin);
      requests.end.push(at);
      requests.flags.push(flags);
    } else {
      requests.begin.set(request, Math.min(requests.begin.at(request), begin));
      requests.end.set(request, Math.max(requests.end.at(request), at));
      requests.flags.set(request, requests.flags.at(request) | flags);
    }
    for (const { name, version, kind } of actsIn(line)) {
      const key = `${tenant} ${name}`;
      const history = histories.get(key) ?? { tenant, secret: name, last: -1 };
      histories.set(key, history);
      acts.before.push(history.last);
      history.last = acts.request.length();
      acts.request.push(request);
      acts.version.push(version);
      acts.kind.push(kinds.indexOf(kind));
    }
  };
  // The numbers of lines are checked in the whole log: also outside of the range, in all tenants.
  const coverage = await readLogs(logs, range, takeInRange, runs.take);
  const numbers = runs.found(range.from, heads);
  const counts: Counts = {
    requests: countOf(requests, hasLine),
    untold: countOf(requests, untold),
    ...{ unclear: 0, tookEffect: 0, withoutLine: 0, notKnown: 0 },
  };
  const found = [...histories.values()].flatMap((history) =>
    judge(history, acts, requests, steps, clocksMs, counts),
  );
  const contradictions = placed(found, requests);
  return { ...coverage, ...counts, ...numbers, contradictions };
};

const [hasLine, untold] = [1, 2];

const countOf = ({ flags }: Requests, flag: number): number => {
  let count = 0;
  for (let request = 0; request < flags.length(); request += 1) {
    if ((flags.at(request) & flag) > 0) count += 1;
  }
  return count;
};

/** Says where the lines of contradictions are. */
const placed = (found: readonly Found[], requests: Requests): readonly Contradiction[] => {
  const wanted = new Set(found.flatMap(({ of }) => of));
  const ids = new Map<number, string>();
  for (const [id, request] of requests.byId) if (wanted.has(request)) ids.set(request, id);
  const placeOf = (request: number): Place => ({
    timestamp: timestampOf(requests.at.at(request)),
    requestId: ids.get(request),
    operation: requests.operations[requests.operation.at(request)],
    log: requests.log.at(request),
  });
  return found.map(({ of: [one, other], ...says }) => ({
    ...{ ...says, lines: [placeOf(one), placeOf(other)] },
  }));
};

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

const timedAct = (act: number, acts: Acts, { begin, end }: Requests): TimedAct => {
  const request = acts.request.at(act);
  const kind = kinds[acts.kind.at(act)] ?? 'read';
  return {
    ...{ request, version: acts.version.at(act), kind },
    ...{ begin: begin.at(request), end: end.at(request) },
  };
};

/**
 * The indexes of the acts of one secret, in the order in which they began. An act that several
 * lines of a request report occurs once.
 */
const actsOf = ({ last }: History, all: Acts, { begin }: Requests): number[] => {
  const { request, version, kind, before } = all;
  const acts: number[] = [];
  for (let act = last; act >= 0; act = before.at(act)) acts.push(act);
  const inRequest = (one: number, other: number) =>
    request.at(one) - request.at(other) ||
    version.at(one) - version.at(other) ||
    kind.at(one) - kind.at(other);
  const beginOf = (act: number) => begin.at(request.at(act));
  acts.sort((one, other) => beginOf(one) - beginOf(other) || inRequest(one, other));
  return acts.filter((act, index) => index === 0 || inRequest(acts[index - 1] ?? act, act) !== 0);
};

/**
 * Returns the contradictions among the requests of one secret, and counts what it does not know.
 */
const judge = (
  history: History,
  all: Acts,
  requests: Requests,
  steps: readonly Step[],
  clocksMs: number,
  counts: Counts,
): readonly Found[] => {
  const { tenant, secret } = history;
  const acts = actsOf(history, all, requests);
  const timed = (act: number): TimedAct => timedAct(act, all, requests);
  const isKnown = (act: number): boolean => {
    const { request, begin, end } = timed(act);
    const isIn = ({ log, from, to }: Step) =>
      log === requests.log.at(request) && begin <= to && end >= from;
    return !steps.some(isIn);
  };
  const known = acts.filter(isKnown);
  const evidence = known
    .filter((act) => timed(act).kind !== 'attempt')
    .sort((one, other) => timed(one).end - timed(other).end);

  const found: Found[] = [];
  const contradict = (says: string, one: TimedAct, other: TimedAct): void => {
    found.push({ tenant, secret, says, of: [one.request, other.request] });
  };

  const written = new Map<number, TimedAct>();
  /** The versions of attempts that may have taken effect. */
  const open = new Set<number>();
  /**
   * Of the readings and writes that had ended before the present one began, the one with the newest
   * version.
   */
  let newest: TimedAct | undefined;
  let ended = 0;
  for (const index of known) {
    const act = timed(index);
    for (; ended < evidence.length; ended += 1) {
      const next = timed(evidence[ended] ?? 0);
      if (next.end + roundingMs + clocksMs >= act.begin) break;
      if (!newest || next.version > newest.version) newest = next;
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

  const versions = evidence.map((act) => timed(act).version).sort((one, other) => one - other);
  const [oldest = 0, current = 0] = [versions[0], versions.at(-1)];
  const writes = acts.map(timed).filter(({ kind }) => kind !== 'read');
  const told = new Set(writes.map(({ version }) => version));
  const isBetween = (version: number) => version > oldest && version <= current;
  counts.unclear += known.length - evidence.length;
  counts.tookEffect += [...open].filter((one) => one <= current && !written.has(one)).length;
  counts.withoutLine += current - oldest - [...told].filter(isBetween).length;
  counts.notKnown += acts.length - known.length;
  return found;
};

const verbs = { read: 'found', write: 'wrote', attempt: 'perhaps wrote' } as const;
