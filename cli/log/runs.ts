/**
 * Finds out whether lines of a log are missing or were changed. The lines of a process are a run:
 * they are numbered from 1, and each has the digest of the one before. These numbers and digests
 * reveal accidents. Somebody who can write the log can also number it anew, or cut off its end.
 * Only heads, which are the last lines of runs at an earlier time, reveal that, if they were kept
 * elsewhere.
 */
import { readFileSync } from 'node:fs';
import * as v from 'valibot';
import { lineDigest } from '../../functions/model/line-digest.ts';
import { codeOf, failure } from '../../system/failures.ts';
import { type LogLine, parseNumber } from '../../system/log-lines.ts';
import { counted } from './log-reading.ts';

const head = v.object({
  run: v.string(),
  seq: v.number(),
  digest: v.string(),
  timestamp: v.string(),
});
const headsFile = v.object({ heads: v.array(head) });

/** The last line of a run at an earlier time. */
export type Head = v.InferOutput<typeof head>;

/** Lines that are missing, and the times of the lines before and after them. */
type Gap = {
  readonly first: number;
  readonly last: number;
  readonly after: string;
  readonly before: string;
};

export type Run = {
  readonly run: string;
  /** The numbers and times of its first and its last line in the log. */
  readonly first: number;
  readonly last: number;
  readonly from: string;
  readonly to: string;
  /** The digest of the last line. */
  readonly digest: string;
  readonly missing: readonly Gap[];
  readonly changed: readonly { readonly seq: number; readonly timestamp: string }[];
};

export type Runs = {
  /** The runs of the log, in the order in which they begin. */
  readonly runs: readonly Run[];
  /** The number of lines without a number: of earlier releases. */
  readonly unnumbered: number;
  /** The heads whose runs are not in the log, although the log covers their time. */
  readonly vanished: readonly Head[];
  /** The heads that are older than the log. */
  readonly past: readonly Head[];
};

type Line = { readonly digest: string; readonly prev: string | undefined; readonly at: string };
type NumberedLine = Line & { readonly seq: number };

/** The lines of a run by their number. A line that differs from another copy of it is changed. */
type Collected = { readonly lines: Map<number, Line>; readonly changed: Set<number> };

/** Collects the lines of logs, in any order. Needs some 200 bytes of memory for each line. */
export const collectRuns = () => {
  const collected = new Map<string, Collected>();
  let unnumbered = 0;
  return {
    take: (text: string, line: LogLine | undefined): void => {
      const number = parseNumber(text);
      if (number === undefined) {
        if (line !== undefined) unnumbered += 1;
        return;
      }
      const { run, seq, prev, timestamp: at, written } = number;
      const { lines, changed } = collected.get(run) ?? { lines: new Map(), changed: new Set() };
      collected.set(run, { lines, changed });
      const digest = lineDigest(written);
      const known = lines.get(seq);
      if (known === undefined) lines.set(seq, { digest, prev, at });
      else if (known.digest !== digest) changed.add(seq);
    },

    /** Judges the runs. The log begins at `begins`, and `heads` are what it must still hold. */
    found: (begins: string | null, heads: readonly Head[] = []): Runs => {
      const known = new Map(heads.map((one) => [one.run, one]));
      const runs = [...collected].map(([run, one]) => judge(run, one, known.get(run)));
      runs.sort((one, other) => Date.parse(one.from) - Date.parse(other.from));
      const gone = heads.filter(({ run }) => !collected.has(run));
      const isPast = ({ timestamp }: Head) => Date.parse(timestamp) < Date.parse(begins ?? '');
      const vanished = gone.filter((one) => !isPast(one));
      return { runs, unnumbered, vanished, past: gone.filter(isPast) };
    },
  };
};

const judge = (run: string, { lines, changed }: Collected, known: Head | undefined): Run => {
  const sorted = [...lines].map(([seq, line]) => ({ seq, ...line }));
  sorted.sort((one, other) => one.seq - other.seq);
  const missing: Gap[] = [];
  const differing = new Set(changed);
  for (const [index, line] of sorted.slice(1).entries()) {
    const before = sorted[index] ?? line;
    const { at: after } = before;
    if (line.seq > before.seq + 1)
      missing.push({ first: before.seq + 1, last: line.seq - 1, after, before: line.at });
    else if (line.prev !== before.digest) differing.add(before.seq);
  }
  const [first, last] = [sorted[0], sorted.at(-1)] as [NumberedLine, NumberedLine];
  if (known !== undefined && known.seq > last.seq) {
    const { seq, timestamp: before } = known;
    missing.push({ first: last.seq + 1, last: seq, after: last.at, before });
  } else if (known !== undefined) {
    const { digest = known.digest } = lines.get(known.seq) ?? {};
    if (digest !== known.digest) differing.add(known.seq);
  }
  return {
    ...{ run, first: first.seq, last: last.seq, from: first.at, to: last.at },
    ...{ digest: last.digest, missing },
    changed: sorted
      .filter(({ seq }) => differing.has(seq))
      .map(({ seq, at: timestamp }) => ({ seq, timestamp })),
  };
};

const isFaulty = ({ missing, changed }: Run): boolean => missing.length + changed.length > 0;

/** Whether a line is missing or was changed. */
export const hasGaps = ({ runs, vanished }: Runs): boolean =>
  vanished.length > 0 || runs.some(isFaulty);

const none = 'none missing, none changed';

/** Returns sentences about the runs. Runs without missing or changed lines share a sentence. */
export const runSentences = ({ runs, unnumbered, vanished, past }: Runs): string[] => {
  const good = runs.filter((run) => !isFaulty(run));
  return [
    ...runs.filter(isFaulty).flatMap((run) => [linesOf(run), ...faultsOf(run)]),
    ...vanished.map(
      ({ run, seq, timestamp }) =>
        `run ${run}: missing, with all lines up to ${seq}, which is of ${timestamp}`,
    ),
    ...together(good, ({ first }) => first === 1, 'that begin with line 1'),
    ...together(good, ({ first }) => first > 1, 'that began before the log'),
    ...(past.length > 0 ? [`${counted(past.length, 'run')} of --heads ended before the log`] : []),
    ...(unnumbered > 0
      ? [`${counted(unnumbered, 'line')} without a number, as of earlier releases`]
      : []),
  ];
};

const together = (
  runs: readonly Run[],
  isMeant: (run: Run) => boolean,
  which: string,
): string[] => {
  const meant = runs.filter(isMeant);
  const [only, ...others] = meant;
  if (only === undefined) return [];
  if (others.length === 0) return [`${linesOf(only)}, ${none}`];
  const lines = meant.reduce((sum, { first, last }) => sum + last - first + 1, 0);
  return [`${counted(meant.length, 'run')} ${which}: ${counted(lines, 'line')}, ${none}`];
};

const linesOf = ({ run, first, last }: Run): string => {
  const earlier = first > 1 ? ` (the log begins after line ${first - 1})` : '';
  return `run ${run}: lines ${first} to ${last}${earlier}`;
};

const faultsOf = ({ missing, changed }: Run): string[] => [
  ...missing.map(({ first, last, after, before }) => {
    const lines = first === last ? `line ${first}` : `lines ${first} to ${last}`;
    return `  missing: ${lines}, between ${after} and ${before}`;
  }),
  ...changed.map(({ seq, timestamp }) => `  changed: line ${seq}, of ${timestamp}`),
];

/** Returns the content of a file of heads. */
export const headsOf = ({ runs }: Runs): string => {
  const heads = runs.map(
    ({ run, last: seq, digest, to: timestamp }): Head => ({ run, seq, digest, timestamp }),
  );
  return `${JSON.stringify({ heads }, null, 2)}\n`;
};

/**
 * Reads a file of heads. Throws a user-facing error if it cannot be read, or if `--write-heads` did
 * not write it.
 */
export const readHeads = (file: string): readonly Head[] => {
  try {
    return v.parse(headsFile, JSON.parse(readFileSync(file, 'utf8'))).heads;
  } catch (cause) {
    const code = codeOf(cause);
    const why = code ? `cannot be read (${code})` : 'is not a file that --write-heads wrote';
    throw failure(`--heads: ${file} ${why}`, { cause });
  }
};
