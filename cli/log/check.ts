/**
 * Whether the requests in logs contradict each other. Versions are numbers, so each secret is judged by itself: a request
 * reads no less than what was there before it began, as an answered write or an earlier reading says, and writes more. A
 * reading from the future is found by the write that comes after it. Only readings of the current version count.
 */
import type { LogLine } from '../../system/log-lines.ts';
import { type Coverage, partsOf, type Range, readLogs } from './log-reading.ts';

/** The facts by which the line of a request is found again. */
type Place = Pick<LogLine, 'timestamp' | 'requestId' | 'operation'> & {
  /** The number of its log, from 0. */
  readonly log: number;
};

/** Two requests that cannot both be true, in the order of their times. */
export type Contradiction = {
  readonly tenant: string | undefined;
  readonly secret: string;
  readonly says: string;
  readonly lines: readonly [Place, Place];
};

export type Check = Coverage & {
  readonly requests: number;
  readonly contradictions: number;
  /** The first of them. */
  readonly shown: readonly Contradiction[];
  /** Writes whose outcome their request did not know, and how many of these took effect. */
  readonly unclear: number;
  readonly tookEffect: number;
  /** Versions that must have been written, and of whose writing no line tells. */
  readonly withoutLine: number;
  /** Requests around a moment at which the clock of their log went back. */
  readonly notKnown: number;
  /** Requests of processes that did not say how they asked for what they read. */
  readonly untold: number;
};

export type CheckOptions = {
  /** The greatest difference between the clocks of two logs, in milliseconds. */
  readonly clocksMs: number;
  /** Whether the lines of a log are in the order in which they were written, so that they show a clock that goes back. */
  readonly isOrdered: boolean;
};

/** What a request did with one version, of which 0 says that there was no such secret. The times are milliseconds. */
type Act = {
  /** Nobody knows of an `attempt` whether it wrote the version. */
  readonly kind: 'read' | 'write' | 'attempt';
  readonly version: number;
  readonly begin: number;
  readonly end: number;
  readonly place: Place;
};

/** The writes and readings of one secret in the logs. */
type History = Pick<Contradiction, 'tenant' | 'secret'> & { readonly acts: Act[] };

/** A time that a log has twice, because its clock went back. */
type Step = { readonly log: number; readonly from: number; readonly to: number };

/** The answer in one sentence, which claims no more than the logs tell. */
export const checkSentence = (check: Check): string => {
  const { requests, contradictions, unclear, tookEffect, withoutLine, notKnown, untold } = check;
  const parts = [
    `${counted(contradictions, 'contradiction')} in ${counted(requests, 'request')}`,
    unclear > 0 && `${unclear} unclear (${tookEffect} took effect)`,
    withoutLine > 0 && `${counted(withoutLine, 'version')} without a line`,
    notKnown > 0 && `${notKnown} not known, because a clock went back`,
    untold > 0 && `${untold} of processes that do not say how they read`,
  ];
  return parts.filter((part) => part !== false).join('; ');
};

const counted = (count: number, noun: string): string =>
  `${count.toLocaleString('en')} ${noun}${count === 1 ? '' : 's'}`;

/** A line has whole milliseconds, and is written a moment after its request was measured. */
const roundingMs = 2;
const shownMax = 100;

/** Checks the lines of all logs; see `Check`. Needs some 200 bytes of memory for each reading and each write. */
export const checkLogs = async (
  logs: readonly AsyncIterable<string>[],
  range: Range,
  { clocksMs, isOrdered }: CheckOptions,
): Promise<Check> => {
  const histories = new Map<string, History>();
  const steps: Step[] = [];
  let [requests, untold] = [0, 0];
  let latest = { log: 0, at: Number.NEGATIVE_INFINITY };
  let last: Omit<Act, 'kind' | 'version'> | undefined;

  const noteStep = (line: LogLine, log: number): void => {
    const at = Date.parse(line.timestamp);
    if (latest.log === log && at + roundingMs < latest.at)
      steps.push({ log, from: at, to: latest.at });
    latest = { log, at };
  };
  /** A request and the lines that continue it stand together in their log, and only the first has `ms`. */
  const spanOf = ({ message, timestamp, requestId, operation, ms = 0 }: LogLine, log: number) => {
    const isSame = last?.place.log === log && last.place.requestId === requestId;
    if (last && isSame && message === 'continued') return last;
    const end = Date.parse(timestamp);
    last = { begin: end - ms, end, place: { timestamp, requestId, operation, log } };
    return last;
  };
  const take = (line: LogLine, log: number): void => {
    if (isOrdered) noteStep(line, log);
    if (line.message !== 'request' && line.message !== 'continued') return;
    if (line.message === 'request') requests += 1;
    const { tenant, secret, read, compared, pinned, past } = line;
    const span = spanOf(line, log);
    const add = (kind: Act['kind'], name: string, version: number): void => {
      const history = histories.get(`${tenant} ${name}`) ?? { tenant, secret: name, acts: [] };
      histories.set(`${tenant} ${name}`, history);
      history.acts.push({ ...span, kind, version });
    };
    const isSure = line.outcome === 'ok';
    if (line.operation !== 'destroy-version') {
      for (const { name, version } of line.wrote.map(partsOf)) {
        add(isSure ? 'write' : 'attempt', name, version);
      }
    }
    if (isSure && read.length > 0 && pinned === undefined) untold += 1;
    if (isSure && pinned !== undefined) {
      const others = new Set([...pinned, ...past]);
      const current = new Set([...read, ...compared].filter((entry) => !others.has(entry)));
      for (const { name, version } of [...current].map(partsOf)) add('read', name, version);
    }
    const found = versionOfRefusal(line);
    if (secret !== undefined && found !== undefined) add('read', secret, found);
  };
  const coverage = await readLogs(logs, range, take);

  const judged = [...histories.values()].map((history) => judge(history, steps, clocksMs));
  const all = judged.flatMap(({ contradictions }) => contradictions);
  const sumOf = (key: 'unclear' | 'tookEffect' | 'withoutLine' | 'notKnown'): number =>
    judged.reduce((sum, one) => sum + one[key], 0);
  return {
    ...coverage,
    ...{ requests, contradictions: all.length, shown: all.slice(0, shownMax), untold },
    ...{ unclear: sumOf('unclear'), tookEffect: sumOf('tookEffect') },
    ...{ withoutLine: sumOf('withoutLine'), notKnown: sumOf('notKnown') },
  };
};

/** The version, or none, that a refused request found as the current one of its secret, if its line says so. */
const versionOfRefusal = ({ operation, why, version, blocking }: LogLine): number | undefined => {
  if (why === 'never_existed') return 0;
  if (why === 'deleted') return version;
  return operation === 'destroy-version' ? undefined : blocking;
};

const judge = ({ tenant, secret, acts }: History, steps: readonly Step[], clocksMs: number) => {
  const isKnown = ({ begin, end, place }: Act): boolean =>
    !steps.some(({ log, from, to }) => log === place.log && begin <= to && end >= from);
  const known = acts.filter(isKnown).sort((one, other) => one.begin - other.begin);
  const evidence = known
    .filter(({ kind }) => kind !== 'attempt')
    .sort((one, other) => one.end - other.end);

  const contradictions: Contradiction[] = [];
  const contradict = (says: string, one: Act, other: Act): void => {
    const [first, second] = one.end <= other.end ? [one, other] : [other, one];
    contradictions.push({ tenant, secret, says, lines: [first.place, second.place] });
  };

  const written = new Map<number, Act>();
  /** The versions of attempts that may have taken effect. */
  const open = new Set<number>();
  /** The newest version of all that had ended before the present act began. */
  let newest: Act | undefined;
  let ended = 0;
  for (const act of known) {
    for (let next = evidence[ended]; next; next = evidence[ended]) {
      if (next.end + roundingMs + clocksMs >= act.begin) break;
      if (!newest || next.version > newest.version) newest = next;
      ended += 1;
    }
    const { kind, version } = act;
    const twin = kind === 'write' ? written.get(version) : undefined;
    const isLate = newest && newest.version >= version + (kind === 'read' ? 1 : 0);
    // A create attempts version 1 before it knows of any other. All other writes read the current version first.
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
  return {
    contradictions,
    unclear: known.filter(({ kind }) => kind === 'attempt').length,
    tookEffect: [...open].filter((one) => one <= current && !written.has(one)).length,
    withoutLine: current - oldest - [...told].filter(isBetween).length,
    notKnown: acts.length - known.length,
  };
};

const verbs = { read: 'found', write: 'wrote', attempt: 'perhaps wrote' } as const;
