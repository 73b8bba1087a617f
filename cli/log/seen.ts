/** Which secrets a caller knows, as far as logs tell. */
import type { LogLine } from '../../system/log-lines.ts';
import {
  type Coverage,
  isListing,
  type LogRange,
  partsOf,
  readLogs,
  sentIn,
} from './log-reading.ts';

/** How a caller got to know a version: it received it, sent it, or looked through the history. */
type Ways = Record<'shown' | 'wrote' | 'listed', number[]>;

/** A secret of which a caller knows a version. The newest version is first in each list. */
export type Seen = Readonly<Ways> & {
  readonly tenant: string | undefined;
  readonly secret: string;
  /** When the caller last received or sent a version. */
  readonly last: string;
  /** The newest version of which the logs tell; `deleted` if that is a deletion. */
  readonly current: number | 'deleted';
  /** Whether the caller knows the current version. */
  readonly isCurrent: boolean;
};

const keyOf = (tenant: string | undefined, name: string): string => `${tenant} ${name}`;

/** Finds the secrets that the caller with this subject knows, those that it saw last first. */
export const seenBy = async (
  subject: string,
  logs: readonly AsyncIterable<string>[],
  range: LogRange,
): Promise<Coverage & { readonly seen: readonly Seen[] }> => {
  const found = new Map<string, Ways & { readonly line: LogLine; name: string; last: string }>();
  const newest = new Map<string, { readonly version: number; readonly isDeletion: boolean }>();
  const add = (line: LogLine, entries: readonly string[], way: keyof Ways): void => {
    for (const { name, version } of entries.map(partsOf)) {
      const key = keyOf(line.tenant, name);
      const fresh = { ...{ line, name, last: line.timestamp }, shown: [], wrote: [], listed: [] };
      const one = found.get(key) ?? fresh;
      found.set(key, one);
      if (!one[way].includes(version)) one[way].push(version);
      if (Date.parse(line.timestamp) > Date.parse(one.last)) one.last = line.timestamp;
    }
  };
  const take = (line: LogLine): void => {
    const { outcome, read, compared } = line;
    if (line.subject !== subject) return;
    // A request that failed gave its caller no value.
    if (outcome === 'ok') add(line, [...read, ...compared], isListing(line) ? 'listed' : 'shown');
    add(line, sentIn(line), 'wrote');
  };
  // Which version is current does not depend on the range, so this also takes the lines outside of
  // it.
  const takeAny = (_: string, line: LogLine | undefined): void => {
    if (line === undefined) return;
    const { tenant, operation, read, compared, copied, wrote } = line;
    for (const { name, version } of [...read, ...compared, ...copied, ...wrote].map(partsOf)) {
      const key = keyOf(tenant, name);
      if (version <= (newest.get(key)?.version ?? 0)) continue;
      newest.set(key, { version, isDeletion: operation === 'delete-secret' });
    }
  };
  const coverage = await readLogs(logs, range, take, takeAny);
  const seen = [...found].map(([key, { line, name: secret, last, ...ways }]): Seen => {
    const { version = 0, isDeletion } = newest.get(key) ?? {};
    const lists = Object.values(ways);
    for (const list of lists) list.sort((one, other) => other - one);
    const isCurrent = lists.some((list) => list[0] === version);
    const current = isDeletion ? 'deleted' : version;
    return { tenant: line.tenant, secret, ...ways, last, current, isCurrent };
  });
  seen.sort((one, other) => Date.parse(other.last) - Date.parse(one.last));
  return { seen, ...coverage };
};

/** What the columns of `seenCells` hold. */
export const seenHead = [
  ...['TENANT', 'SECRET', 'SHOWN', 'WROTE', 'LISTED', 'LAST', 'CURRENT', 'KNOWS'],
] as const;

export const seenCells = ({ tenant, secret, last, current, ...seen }: Seen): string[] => [
  ...[tenant ?? '-', secret],
  ...[seen.shown, seen.wrote, seen.listed].map((versions) => versions.join(' ') || '-'),
  ...[last, String(current), seen.isCurrent ? 'the current version' : ''],
];
