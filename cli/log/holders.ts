/**
 * Who has read a secret, and in which version, as far as logs tell. A subject may be many processes, of which some hold
 * an older version than others, so no answer says that a version is free of holders.
 */
import type { LogLine } from '../../system/log-lines.ts';
import { hidesReading } from './log-questions.ts';
import { type Coverage, partsOf, type Range, readLogs } from './log-reading.ts';

/** A version, and the last time at which it was read. */
type Reading = { readonly version: number; readonly timestamp: string };

type Caller = Pick<LogLine, 'tenant' | 'issuer' | 'subject'>;

/** A caller, and the versions that it has read. */
export type Holder = Caller & {
  /** The newest version, if any was read other than by its number. */
  readonly newest: Reading | null;
  /** The older version that was read last, other than by its number. */
  readonly older: Reading | null;
  /** The versions that were asked for by their numbers, the newest first. */
  readonly pinned: readonly Reading[];
  /** The newest version of the secret that the logs tell of; `deleted` if that is a deletion. */
  readonly current: number | 'deleted';
};

export type Holders = Coverage & {
  /** The last reader is first. */
  readonly holders: readonly Holder[];
  /** Requests that opened values but, logged by an earlier version, do not say which. */
  readonly unnamed: number;
};

type Readings = { readonly read: Map<number, string>; readonly pinned: Map<number, string> };
type Newest = { readonly version: number; readonly isDeletion: boolean };

/** Asks the lines of all logs who has read the secret of this name. Their order does not matter. */
export const holdersOf = async (
  name: string,
  logs: readonly AsyncIterable<string>[],
  range: Range,
): Promise<Holders> => {
  const callers = new Map<string, Caller & Readings>();
  const newest = new Map<string | undefined, Newest>();
  let unnamed = 0;
  const versionsIn = (entries: readonly string[]): number[] =>
    entries.map(partsOf).flatMap((entry) => (entry.name === name ? entry.version : []));
  const exists = (tenant: string | undefined, version: number, isDeletion = false): void => {
    const known = newest.get(tenant);
    if (!known || version > known.version) newest.set(tenant, { version, isDeletion });
  };
  const takeReadings = ({ timestamp, pinned = [], ...line }: LogLine): void => {
    const { tenant, issuer, subject } = line;
    const key = JSON.stringify([tenant, issuer, subject]);
    const fresh = { tenant, issuer, subject, read: new Map(), pinned: new Map() };
    const caller = callers.get(key) ?? fresh;
    const byNumber = new Set(versionsIn(pinned));
    for (const version of versionsIn([...line.read, ...line.compared])) {
      callers.set(key, caller);
      const readings = byNumber.has(version) ? caller.pinned : caller.read;
      const last = readings.get(version);
      const isLater = last === undefined || Date.parse(timestamp) > Date.parse(last);
      if (isLater) readings.set(version, timestamp);
      exists(tenant, version);
    }
  };
  const coverage = await readLogs(logs, range, (line) => {
    if (hidesReading(line, name)) unnamed += 1;
    if (line.operation !== 'destroy-version') {
      for (const version of versionsIn(line.wrote)) {
        exists(line.tenant, version, line.operation === 'delete-secret');
      }
    }
    // A request that failed gave its caller no value.
    if (line.outcome === 'ok') takeReadings(line);
  });
  const holders = [...callers.values()].map(({ read, pinned, ...caller }): Holder => {
    const [first = null, ...older] = newestFirst(read);
    const now = newest.get(caller.tenant);
    return {
      ...{ ...caller, newest: first, older: lastOf(older), pinned: newestFirst(pinned) },
      current: !now || now.isDeletion ? 'deleted' : now.version,
    };
  });
  holders.sort((one, other) => lastReadOf(other) - lastReadOf(one));
  return { holders, unnamed, ...coverage };
};

const newestFirst = (versions: ReadonlyMap<number, string>): Reading[] =>
  [...versions]
    .map(([version, timestamp]) => ({ version, timestamp }))
    .sort((one, other) => other.version - one.version);

const timeOf = ({ timestamp }: Reading): number => Date.parse(timestamp);

/** The one that was read last. */
const lastOf = (readings: readonly Reading[]): Reading | null =>
  readings.toSorted((one, other) => timeOf(other) - timeOf(one))[0] ?? null;

const lastReadOf = ({ newest, older, pinned }: Holder): number => {
  const readings = [newest, older, ...pinned].filter((reading) => reading !== null);
  return Math.max(...readings.map(timeOf));
};

/** The columns of a table of holders. */
export const holderHead = [
  'TENANT',
  'SUBJECT',
  'ISSUER',
  'READ',
  'LAST',
  'OLDER',
  'PINNED',
  'CURRENT',
];

export const holderCells = (holder: Holder): string[] => {
  const { tenant, subject, issuer, newest, older, pinned, current } = holder;
  return [
    ...[tenant, subject, issuer].map((fact) => fact ?? '-'),
    ...(newest ? [String(newest.version), newest.timestamp] : ['-', '-']),
    older ? `${older.version} at ${older.timestamp}` : '-',
    pinned.map(({ version }) => version).join(' ') || '-',
    String(current),
    isBehind(holder) ? 'holds an older version' : '',
  ];
};

/** The same as a sentence. */
export const holderSentence = (holder: Holder): string => {
  const { tenant, subject, newest, older, pinned, current } = holder;
  const parts = [
    `${tenant ?? '-'} ${subject ?? '-'}`,
    newest ? `has read ${newest.version}, last at ${newest.timestamp}` : '',
    older ? `read ${older.version} at ${older.timestamp}` : '',
    pinned.length > 0
      ? `asks for ${pinned.map(({ version }) => version).join(', ')} by number`
      : '',
    `current: ${current}`,
    isBehind(holder) ? 'holds an older version' : '',
  ];
  return parts.filter((part) => part !== '').join('; ');
};

const isBehind = ({ newest, current }: Holder): boolean =>
  newest !== null && newest.version !== current;
