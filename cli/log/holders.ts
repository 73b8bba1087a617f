/**
 * Who has read a secret, and in which version, as far as logs tell. One subject may be many
 * processes, and some of them may still hold an older version than the last one that was read, so
 * no answer says that nobody holds a version any more.
 */
import type { LogLine } from '../../system/log-lines.ts';
import { type Coverage, isListing, type Range, readLogs, versionsOf } from './log-reading.ts';

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
  /**
   * The newest version of the secret of which the logs tell; `deleted` if the newest one is a
   * deletion.
   */
  readonly current: number | 'deleted';
};

/** The callers that have read the secret. The one that read it last is first. */
export type Holders = Coverage & { readonly holders: readonly Holder[] };

/**
 * Finds in the lines of all logs who has read the secret of this name. The order of the lines does
 * not matter.
 */
export const holdersOf = async (
  name: string,
  logs: readonly AsyncIterable<string>[],
  range: Range,
): Promise<Holders> => {
  const callers = new Map<
    string,
    Caller & Record<'read' | 'pinned' | 'listed', Map<number, Reading>>
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
    // A request that failed gave its caller no value.
    if (outcome !== 'ok') return;
    const key = JSON.stringify([tenant, issuer, subject]);
    const fresh = {
      tenant,
      issuer,
      subject,
      read: new Map(),
      pinned: new Map(),
      listed: new Map(),
    };
    const caller = callers.get(key) ?? fresh;
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
  const holders = [...callers.values()].map(({ read, pinned, listed, ...caller }): Holder => {
    const { version: current = 0, isDeletion } = newest.get(caller.tenant) ?? {};
    return {
      ...caller,
      ...{ read: newestFirst(read), pinned: newestFirst(pinned), listed: newestFirst(listed) },
      current: isDeletion ? 'deleted' : current,
    };
  });
  const lastOf = ({ read, pinned, listed }: Holder) =>
    Math.max(...[...read, ...pinned, ...listed].map(timeOf));
  holders.sort((one, other) => lastOf(other) - lastOf(one));
  return { holders, ...coverage };
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
   * Why it may never read the wanted version that way: it has asked for a version by its number, or
   * has read only once.
   */
  readonly mayNot: 'reads by number' | 'ran once' | undefined;
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
    return {
      subject,
      isDone: read.some(({ version, asCurrent }) => version >= goal && asCurrent > 0),
      mayNot: pinned.length > 0 ? 'reads by number' : isOnce ? 'ran once' : undefined,
    };
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
