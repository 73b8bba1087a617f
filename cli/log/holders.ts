/**
 * Who has read a secret, and in which version, as far as logs tell. A subject may be many processes, of which some hold
 * an older version than others, so no answer says that a version is free of holders.
 */
import type { LogLine } from '../../system/log-lines.ts';
import { hidesReading } from './log-questions.ts';
import { type Coverage, isAfter, type Range, readLogs, versionsOf } from './log-reading.ts';

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

type Readings = ReadonlyMap<number, Reading>;

/** Asks the lines of all logs who has read the secret of this name. Their order does not matter. */
export const holdersOf = async (
  name: string,
  logs: readonly AsyncIterable<string>[],
  range: Range,
): Promise<Holders> => {
  const callers = new Map<string, Caller & Record<'read' | 'pinned', Map<number, Reading>>>();
  const newest = new Map<string | undefined, { version: number; isDeletion: boolean }>();
  let unnamed = 0;
  const exists = (tenant: string | undefined, version: number, isDeletion = false): void => {
    if (version > (newest.get(tenant)?.version ?? 0)) newest.set(tenant, { version, isDeletion });
  };
  const takeReadings = ({ tenant, issuer, subject, timestamp, ...line }: LogLine): void => {
    const key = JSON.stringify([tenant, issuer, subject]);
    const fresh = { tenant, issuer, subject, read: new Map(), pinned: new Map() };
    const caller = callers.get(key) ?? fresh;
    const byNumber = versionsOf(name, line.pinned ?? []);
    for (const version of versionsOf(name, [...line.read, ...line.compared])) {
      callers.set(key, caller);
      const readings = byNumber.includes(version) ? caller.pinned : caller.read;
      const [reading, last] = [{ version, timestamp }, readings.get(version)];
      if (!last || isAfter(reading, last)) readings.set(version, reading);
      exists(tenant, version);
    }
  };
  const coverage = await readLogs(logs, range, (line) => {
    if (hidesReading(line, name)) unnamed += 1;
    if (line.operation !== 'destroy-version') {
      for (const version of versionsOf(name, line.wrote)) {
        exists(line.tenant, version, line.operation === 'delete-secret');
      }
    }
    // A request that failed gave its caller no value.
    if (line.outcome === 'ok') takeReadings(line);
  });
  const holders = [...callers.values()].map(({ read, pinned, ...caller }): Holder => {
    const [first = null, ...older] = newestFirst(read);
    const { version: current = 0, isDeletion } = newest.get(caller.tenant) ?? {};
    return {
      ...{ ...caller, newest: first, older: lastOf(older), pinned: newestFirst(pinned) },
      current: isDeletion ? 'deleted' : current,
    };
  });
  holders.sort((one, other) => lastReadOf(other) - lastReadOf(one));
  return { holders, unnamed, ...coverage };
};

const newestFirst = (readings: Readings): Reading[] =>
  [...readings.values()].sort((one, other) => other.version - one.version);

/** The one that was read last. */
const lastOf = (readings: readonly Reading[]): Reading | null =>
  readings.toSorted((one, other) => (isAfter(other, one) ? 1 : -1))[0] ?? null;

const lastReadOf = ({ newest, older, pinned }: Holder): number =>
  Date.parse(
    lastOf([newest, older, ...pinned].filter((reading) => reading !== null))?.timestamp ?? '',
  );

/** What the logs tell of each caller, in a line each. */
export const holderLines = ({ holders }: Holders): string[] =>
  holders.length === 0 ? ['no line of the log tells of a reader'] : holders.map(lineOf);

const lineOf = ({ tenant, issuer, subject, newest, older, pinned, current }: Holder): string =>
  [
    ...[tenant, subject, issuer].map((fact) => fact ?? '-'),
    newest && `read ${newest.version}  last ${newest.timestamp}`,
    older && `older ${older.version} at ${older.timestamp}`,
    pinned.length > 0 && `pinned ${pinned.map(({ version }) => version).join(' ')}`,
    `current ${current}`,
    newest && newest.version !== current && 'holds an older version',
  ]
    .filter(Boolean)
    .join('  ');
