/**
 * Who has read a secret, and in which version, as far as logs tell. One subject may be many
 * processes, and some of them may still hold an older version than the last one that was read, so
 * no answer says that nobody holds a version any more.
 */
import type { LogLine } from '../../system/log-lines.ts';
import {
  type Coverage,
  isListing,
  type LogRange,
  partsOf,
  readLogs,
  sentIn,
  versionsOf,
} from './log-reading.ts';

/** A version, and the last time at which it was read. */
type Reading = {
  readonly version: number;
  readonly timestamp: string;
  /** How many requests read it, and how many of them as the current version. */
  readonly times: number;
  readonly asCurrent: number;
};

type Caller = Pick<LogLine, 'tenant' | 'issuer' | 'subject'>;

/** A caller, and the versions that it has read, the newest first. */
export type Holder = Caller & {
  readonly read: readonly Reading[];
  /** The readings for which the caller asked for a version by its number. */
  readonly pinned: readonly Reading[];
  /** The readings of a person who looked through the history, as `scan` does. */
  readonly listed: readonly Reading[];
  /** The versions whose values the caller sent, the newest first. */
  readonly wrote: readonly number[];
  /** The versions whose values the caller stored again, each with the other secret that has it. */
  readonly copied: readonly { readonly version: number; readonly to: string }[];
  /**
   * The newest version of the secret of which the logs tell; `deleted` if the newest one is a
   * deletion.
   */
  readonly current: number | 'deleted';
};

export type Holders = Coverage & {
  /** The callers that have read the secret. The one that read it last is first. */
  readonly holders: readonly Holder[];
  /** The callers that have only written or copied it. */
  readonly writers: readonly Holder[];
};

/**
 * Finds in the lines of all logs who has read the secret of this name. The order of the lines does
 * not matter.
 */
export const holdersOf = async (
  name: string,
  logs: readonly AsyncIterable<string>[],
  range: LogRange,
): Promise<Holders> => {
  const callers = new Map<
    string,
    Caller &
      Record<'read' | 'pinned' | 'listed', Map<number, Reading>> & {
        readonly wrote: Set<number>;
        readonly copied: Map<string, Holder['copied'][number]>;
      }
  >();
  const newest = new Map<string | undefined, { version: number; isDeletion: boolean }>();
  const coverage = await readLogs(logs, range, (line) => {
    const { tenant, issuer, subject, timestamp, operation, outcome } = line;
    const exists = (version: number, isDeletion = false): void => {
      if (version > (newest.get(tenant)?.version ?? 0)) newest.set(tenant, { version, isDeletion });
    };
    for (const version of operation === 'destroy-version' ? [] : versionsOf(name, line.wrote)) {
      exists(version, operation === 'delete-secret');
    }
    const key = JSON.stringify([tenant, issuer, subject]);
    const fresh = {
      tenant,
      issuer,
      subject,
      read: new Map(),
      pinned: new Map(),
      listed: new Map(),
      wrote: new Set<number>(),
      copied: new Map(),
    };
    const caller = callers.get(key) ?? fresh;
    for (const version of versionsOf(name, sentIn(line))) {
      callers.set(key, caller);
      caller.wrote.add(version);
    }
    for (const version of versionsOf(name, line.copied)) {
      for (const to of targetsOf(line)) {
        if (to === name) continue;
        callers.set(key, caller);
        caller.copied.set(`${version} ${to}`, { version, to });
      }
    }
    // A request that failed gave its caller no value.
    if (outcome !== 'ok') return;
    const byNumber = versionsOf(name, line.pinned ?? []);
    for (const version of versionsOf(name, [...line.read, ...line.compared])) {
      callers.set(key, caller);
      const one = byNumber.includes(version) ? caller.pinned : caller.read;
      const readings = isListing(line) ? caller.listed : one;
      const last = readings.get(version);
      const isCurrent = ![...(line.pinned ?? []), ...line.past].includes(`${name}@${version}`);
      readings.set(version, {
        version,
        timestamp: last && timeOf(last) > Date.parse(timestamp) ? last.timestamp : timestamp,
        times: (last?.times ?? 0) + 1,
        asCurrent: (last?.asCurrent ?? 0) + Number(isCurrent),
      });
      exists(version);
    }
  });
  const all = [...callers.values()].map((caller): Holder => {
    const { read, pinned, listed, wrote, copied, ...ids } = caller;
    const { version: current = 0, isDeletion } = newest.get(ids.tenant) ?? {};
    return {
      ...ids,
      ...{ read: newestFirst(read), pinned: newestFirst(pinned), listed: newestFirst(listed) },
      wrote: [...wrote].sort((one, other) => other - one),
      copied: [...copied.values()],
      current: isDeletion ? 'deleted' : current,
    };
  });
  const readingsOf = ({ read, pinned, listed }: Holder) => [...read, ...pinned, ...listed];
  const lastOf = (holder: Holder) => Math.max(...readingsOf(holder).map(timeOf));
  const holders = all.filter((one) => readingsOf(one).length > 0);
  holders.sort((one, other) => lastOf(other) - lastOf(one));
  return { holders, writers: all.filter((one) => readingsOf(one).length === 0), ...coverage };
};

/** The names that a copy wrote. If its outcome is unknown, the name that it may have written. */
const targetsOf = ({ code, secret, wrote }: LogLine): readonly string[] => {
  const isUnknown = code === 'outcome_unknown' && secret !== undefined && wrote.length === 0;
  return isUnknown ? [secret] : wrote.map((entry) => partsOf(entry).name);
};

const newestFirst = (readings: ReadonlyMap<number, Reading>): Reading[] =>
  [...readings.values()].sort((one, other) => other.version - one.version);

const timeOf = ({ timestamp }: Reading): number => Date.parse(timestamp);

/**
 * A caller that has read an older version than the one that `oldHolders` is asked about (`wanted`).
 */
export type OldHolder = {
  readonly subject: string;
  /**
   * Whether it has also read the wanted version or a newer one, as the current version and without
   * asking for its number.
   */
  readonly isDone: boolean;
  /**
   * Why it may never read the wanted version that way, or read an older one again: it has asked for
   * a version by its number, or for an older one by an instant, or has read only once.
   */
  readonly mayNot: 'reads by number' | 'reads past versions' | 'ran once' | undefined;
};

/**
 * Returns the callers that have read an older version than `wanted`, which is by default the one
 * that is current.
 */
export const oldHolders = (
  holders: readonly Holder[],
  wanted: number | undefined,
): readonly OldHolder[] =>
  holders.flatMap(({ subject = '-', read, pinned, current }) => {
    const goal = wanted ?? Number(current);
    const all = [...read, ...pinned];
    if (all.every(({ version }) => version >= goal)) return [];
    const isOnce = all.reduce((sum, { times }) => sum + times, 0) === 1;
    const isPast = read.some((one) => one.version < goal && one.asCurrent < one.times);
    const byChoice = pinned.length > 0 ? 'reads by number' : isPast && 'reads past versions';
    return {
      subject,
      isDone: read.some(({ version, asCurrent }) => version >= goal && asCurrent > 0),
      mayNot: byChoice || (isOnce ? 'ran once' : undefined),
    };
  });

/**
 * Returns who may have an older version than `wanted` (see `oldHolders`) without being a reader
 * that can be waited for: callers that only listed or wrote one, and callers that stored one in
 * another secret, each with what it did.
 */
export const otherHolders = (
  { holders, writers }: Pick<Holders, 'holders' | 'writers'>,
  wanted: number | undefined,
): readonly string[] =>
  [...holders, ...writers].flatMap((holder) => {
    const { subject = '-', read, pinned, current } = holder;
    const goal = wanted ?? Number(current);
    const listed = holder.listed.map(({ version }) => version);
    const isOld = (version: number) => version < goal;
    // `--wait` waits for readers of an older version, so only their copies are listed here.
    const isReader = [...read, ...pinned].some(({ version }) => isOld(version));
    const got = [...[...read, ...pinned].map(({ version }) => version), ...listed, ...holder.wrote];
    const isTold = !isReader && got.every(isOld);
    const did = [
      ...(isTold ? listed : []).map((version) => `listed ${version}`),
      ...(isTold ? holder.wrote : []).map((version) => `wrote ${version}`),
      ...holder.copied
        .filter(({ version }) => isOld(version))
        .map(({ version, to }) => `copied ${version} to ${to}`),
    ];
    return did.length > 0 ? [`${subject} (${did.join(', ')})`] : [];
  });

export const noReader = 'no line of the log shows a reader';

const versionsIn = (readings: readonly Reading[]): string | undefined =>
  readings.map(({ version }) => version).join(' ') || undefined;

/** The titles of the columns in the tables whose rows `holderCells` returns. */
export const holderHead = [
  ...['TENANT', 'SUBJECT', 'ISSUER', 'READ', 'LAST', 'OLDER', 'PINNED', 'LISTED', 'CURRENT'],
  'HOLDS',
] as const;

/**
 * Returns the row of a caller in a table. It shows the newest version that the caller has read, and
 * of the older ones the one that it read last.
 */
export const holderCells = (holder: Holder): string[] => {
  const { tenant, issuer, subject, read, pinned, listed, current } = holder;
  const [newest, ...others] = read;
  const [older] = others.sort((one, other) => timeOf(other) - timeOf(one));
  return [
    ...[tenant, subject, issuer, newest?.version, newest?.timestamp],
    older && `${older.version} at ${older.timestamp}`,
    versionsIn(pinned),
    versionsIn(listed),
    current,
    newest && newest.version !== current ? 'an older version' : '',
  ].map((fact) => String(fact ?? '-'));
};
