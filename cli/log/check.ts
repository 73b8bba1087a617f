/**
 * Whether the requests in logs contradict each other. Versions are numbers, so each secret is judged by itself: what was
 * there before a request began, as an answered write or an earlier reading says, is the least that it may read, and what
 * began after its end is more than it may read. Only readings of the current version count.
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

/** A request and one version that it read or wrote. The times are milliseconds. */
type Act = {
  readonly version: number;
  readonly begin: number;
  readonly end: number;
  readonly place: Place;
};
type Write = Act & { readonly isSure: boolean };

/** The writes and readings of one secret in the logs. */
type History = {
  readonly tenant: string | undefined;
  readonly name: string;
  readonly writes: Write[];
  /** Version 0: there was no such secret. */
  readonly reads: Act[];
};

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
  const steps = new Map<number, Step[]>();
  const latest = new Map<number, number>();
  /** A request and the lines that continue it stand together in their log, and only the first has `ms`. */
  const spans = new Map<number, Act>();
  let [requests, untold] = [0, 0];

  const historyOf = (tenant: string | undefined, name: string): History => {
    const key = `${tenant} ${name}`;
    const found = histories.get(key) ?? { tenant, name, writes: [], reads: [] };
    histories.set(key, found);
    return found;
  };
  const noteStep = (line: LogLine, log: number): void => {
    const [at, before] = [Date.parse(line.timestamp), latest.get(log) ?? Number.NEGATIVE_INFINITY];
    if (at + roundingMs < before)
      steps.set(log, [...(steps.get(log) ?? []), { from: at, to: before }]);
    latest.set(log, at);
  };
  const spanOf = (line: LogLine, log: number): Act => {
    const last = spans.get(log);
    if (last && line.message === 'continued' && last.place.requestId === line.requestId)
      return last;
    const { timestamp, requestId, operation, ms = 0 } = line;
    const end = Date.parse(timestamp);
    const place = { timestamp, requestId, operation, log };
    const span = { version: 0, begin: end - ms, end, place };
    spans.set(log, span);
    return span;
  };
  const take = (line: LogLine, log: number): void => {
    if (isOrdered) noteStep(line, log);
    if (line.message !== 'request' && line.message !== 'continued') return;
    if (line.message === 'request') requests += 1;
    const span = spanOf(line, log);
    const { tenant, read, compared, pinned, past, secret } = line;
    const isSure = line.outcome === 'ok';
    if (line.operation !== 'destroy-version') {
      for (const wrote of line.wrote.map(partsOf)) {
        historyOf(tenant, wrote.name).writes.push({ ...span, version: wrote.version, isSure });
      }
    }
    if (isSure && read.length > 0 && pinned === undefined) untold += 1;
    if (isSure && pinned !== undefined) {
      const others = new Set([...pinned, ...past]);
      const current = new Set([...read, ...compared].filter((entry) => !others.has(entry)));
      for (const one of [...current].map(partsOf)) {
        historyOf(tenant, one.name).reads.push({ ...span, version: one.version });
      }
    }
    if (secret === undefined) return;
    const found = versionOfRefusal(line);
    if (found !== undefined) historyOf(tenant, secret).reads.push({ ...span, version: found });
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

/** The time that a log has twice, because its clock went back. */
type Step = { readonly from: number; readonly to: number };

const judge = (
  { tenant, name, ...all }: History,
  steps: ReadonlyMap<number, readonly Step[]>,
  clocksMs: number,
) => {
  const isKnown = ({ begin, end, place }: Act): boolean =>
    !(steps.get(place.log) ?? []).some(({ from, to }) => begin <= to && end >= from);
  const [writes, reads] = [all.writes.filter(isKnown), all.reads.filter(isKnown)];
  const sure = writes.filter(({ isSure }) => isSure);
  const isBefore = (one: Act, other: Act): boolean => one.end + roundingMs + clocksMs < other.begin;

  const contradictions: Contradiction[] = [];
  const contradict = (says: string, one: Act, other: Act): void => {
    const [first, second] = one.end <= other.end ? [one, other] : [other, one];
    const lines = [first.place, second.place] as const;
    contradictions.push({ tenant, secret: name, says, lines });
  };

  const begun = new Map<number, Act>();
  for (const write of all.writes) {
    const known = begun.get(write.version);
    if (!known || write.begin < known.begin) begun.set(write.version, write);
  }
  const newestBefore = evidenceOf([...sure, ...reads], isBefore);
  for (const read of reads) {
    const [known, write] = [newestBefore(read), begun.get(read.version)];
    if (known && known.version > read.version) {
      const what = read.version === 0 ? 'found no secret' : `found version ${read.version}`;
      contradict(`${what} after version ${known.version} was there`, known, read);
    } else if (write && isBefore(read, write)) {
      contradict(`found version ${read.version} before its write began`, read, write);
    }
  }
  const surely = new Map<number, Act>();
  for (const write of sure) {
    const { version } = write;
    const [known, other, first] = [newestBefore(write), surely.get(version), begun.get(version)];
    // A reading of this version before any write of it began is a contradiction already.
    const isTooEarly = known && first && known.version === version && isBefore(known, first);
    if (other) contradict(`wrote version ${version} twice`, other, write);
    else if (known && known.version >= version && !isTooEarly) {
      contradict(`wrote version ${version} after version ${known.version} was there`, known, write);
    }
    surely.set(version, write);
  }

  let [oldest, newest] = [Number.POSITIVE_INFINITY, 0];
  for (const { version } of [...sure, ...reads]) {
    oldest = Math.min(oldest, version);
    newest = Math.max(newest, version);
  }
  const open = new Set(writes.filter(({ isSure }) => !isSure).map(({ version }) => version));
  const isBetween = (version: number) => version > oldest && version <= newest;
  return {
    contradictions,
    unclear: writes.length - sure.length,
    tookEffect: [...open].filter((version) => version <= newest && !surely.has(version)).length,
    withoutLine: Math.max(0, newest - oldest) - [...begun.keys()].filter(isBetween).length,
    notKnown: all.writes.length + all.reads.length - writes.length - reads.length,
  };
};

/** Returns a function that finds the newest version among all acts that had ended before another one began. */
const evidenceOf = (
  acts: readonly Act[],
  isBefore: (one: Act, other: Act) => boolean,
): ((other: Act) => Act | undefined) => {
  const byEnd = acts.toSorted((one, other) => one.end - other.end);
  const newest: Act[] = [];
  for (const act of byEnd) {
    const last = newest.at(-1);
    newest.push(last && last.version >= act.version ? last : act);
  }
  return (other) => {
    let [low, high] = [0, byEnd.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (isBefore(byEnd[middle] as Act, other)) low = middle + 1;
      else high = middle;
    }
    return newest[low - 1];
  };
};
