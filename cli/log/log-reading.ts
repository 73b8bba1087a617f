/** Reads the lines of logs for code that counts them, and says what the logs do not know. */
import { type LogLine, looksLikeRequest, parseLine } from '../../system/log-lines.ts';

/** Only lines between these instants (milliseconds, both included) and of this tenant count. */
export type LogRange = {
  readonly from: number;
  readonly to: number;
  readonly tenant: string | undefined;
};

export const always = {
  from: Number.NEGATIVE_INFINITY,
  to: Number.POSITIVE_INFINITY,
  tenant: undefined,
};

/** How far back logs go, and how many of their lines are lost. */
export type Coverage = {
  /**
   * Every log begins no later than this. An earlier request may be missing. `null`: there is no
   * line at all.
   */
  readonly begins: string | null;
  /** Requests whose lines are truncated, or have a format that this `dsvault` does not know. */
  readonly unreadable: number;
};

/**
 * Calls `take` for each line within the range, with the number of its log, counted from 0, and
 * `takeAny` for each line of the logs: also for those outside the range, and for those that no
 * vault wrote.
 */
export const readLogs = async (
  logs: readonly AsyncIterable<string>[],
  { from, to, tenant }: LogRange,
  take: (line: LogLine, log: number) => void,
  takeAny: (text: string, line: LogLine | undefined) => void = () => undefined,
): Promise<Coverage> => {
  let unreadable = 0;
  let begins = Number.NEGATIVE_INFINITY;
  for (const [log, lines] of logs.entries()) {
    let first = Number.POSITIVE_INFINITY;
    for await (const text of lines) {
      const line = parseLine(text);
      takeAny(text, line);
      if (line === undefined) {
        if (looksLikeRequest(text)) unreadable += 1;
        continue;
      }
      const at = Date.parse(line.timestamp);
      first = Math.min(first, at);
      const isOther = tenant !== undefined && line.tenant !== tenant;
      if (at >= from && at <= to && !isOther) take(line, log);
    }
    if (Number.isFinite(first)) begins = Math.max(begins, first);
  }
  return { begins: Number.isFinite(begins) ? timestampOf(begins) : null, unreadable };
};

/** An instant as the vault writes it. The line of another writer may have none. */
export const timestampOf = (ms: number | undefined): string =>
  Number.isFinite(ms) ? new Date(ms ?? 0).toISOString() : 'an unknown time';

/** Sentences about what the logs do not know about the time since `from`. */
export const remarksOn = ({ begins, unreadable }: Coverage, from: number): string[] => {
  const remarks: string[] = [];
  if (begins !== null && Date.parse(begins) > from) remarks.push(`the log begins at ${begins}`);
  if (unreadable > 0) remarks.push(`lines of requests that cannot be read: ${unreadable}`);
  return remarks;
};

/** A number of things, such as `1,204 lines`. */
export const counted = (count: number, noun: string): string =>
  `${count.toLocaleString('en')} ${noun}${count === 1 ? '' : 's'}`;

/** An entry `NAME@VERSION` in a line's list, split into its parts. */
export const partsOf = (entry: string): { readonly name: string; readonly version: number } => {
  const at = entry.lastIndexOf('@');
  return { name: entry.slice(0, at), version: Number(entry.slice(at + 1)) };
};

/** The versions of the secret `name` in a line's list. */
export const versionsOf = (name: string, entries: readonly string[]): number[] =>
  entries.map(partsOf).flatMap((entry) => (entry.name === name ? entry.version : []));

/** Operations that write a version without getting its value from the caller. */
const withoutValue: ReadonlySet<string | undefined> = new Set([
  ...['copy-secret', 'delete-secret', 'destroy-version'],
]);

/**
 * The versions whose values the caller sent, each as `NAME@VERSION`. A request that failed may have
 * stored them, too.
 */
export const sentIn = ({ operation, wrote }: LogLine): readonly string[] =>
  withoutValue.has(operation) ? [] : wrote;

/**
 * Whether the request listed versions. If it opened values, a person has looked through the history
 * with `scan` or `history --show-values`; a program gets no value in this way.
 */
export const isListing = ({ operation }: LogLine): boolean => operation === 'list-versions';
