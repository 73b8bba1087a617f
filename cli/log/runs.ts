/**
 * Finds out whether lines of a log are missing or were changed. The lines of a process are a run:
 * they are numbered from 1, and each has the digest of the one before. These numbers and digests
 * reveal accidents. Somebody who can write the log can also number it anew, or cut off its
 * beginning or end. Only heads, which name the first and the last line of each run at an earlier
 * time, reveal that, if they were kept elsewhere.
 */
import { readFileSync } from 'node:fs';
import * as v from 'valibot';
import { lineDigest } from '../../functions/model/line-digest.ts';
import { codeOf, failure } from '../../system/failures.ts';
import { type LogLine, parseNumber } from '../../system/log-lines.ts';
import { counted, timestampOf } from './log-reading.ts';
import { createNumberList, type NumberList } from './number-list.ts';

const head = v.object({
  run: v.string(),
  first: v.number(),
  from: v.string(),
  seq: v.number(),
  digest: v.string(),
  timestamp: v.string(),
});
const headsFile = v.object({ heads: v.array(head) });

/** The first and the last line that a log had of a run at an earlier time. */
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
  /** The heads whose runs are not in the log, although it must go back to their time. */
  readonly vanished: readonly Head[];
  /** The heads that are so old that the log need not have their runs. */
  readonly past: readonly Head[];
};

/**
 * The lines of a run in the order in which they were read. Each list has one number for each line.
 */
type Collected = {
  readonly seq: NumberList;
  /** The times of the lines, in milliseconds. */
  readonly at: NumberList;
  /** The digests of the lines, each in two numbers (see `halvesOf`). */
  readonly digest: readonly [NumberList, NumberList];
  readonly prev: readonly [NumberList, NumberList];
};

const emptyRun = (): Collected => ({
  ...{ seq: createNumberList(), at: createNumberList() },
  digest: [createNumberList(), createNumberList()],
  prev: [createNumberList(), createNumberList()],
});

const base64url = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

type Halves = readonly [number, number];

/** The 30 and 36 bits of a digest as numbers; twice NaN if the text is not a digest. */
const halvesOf = (digest = ''): Halves => {
  if (!/^[\w-]{11}$/.test(digest)) return [Number.NaN, Number.NaN];
  const [high, low] = [digest.slice(0, 5), digest.slice(5)].map((half) =>
    [...half].reduce((number, digit) => 64 * number + base64url.indexOf(digit), 0),
  );
  return [high ?? 0, low ?? 0];
};

const digestOf = ([high, low]: Halves): string => {
  const digitsOf = (number: number, count: number): string =>
    count === 0 ? '' : digitsOf(Math.floor(number / 64), count - 1) + base64url.at(number % 64);
  return digitsOf(high, 5) + digitsOf(low, 6);
};

/** Collects the lines of logs, in any order. Needs some 50 bytes of memory for each line. */
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
      const { run, seq, prev, timestamp, written } = number;
      const lines = collected.get(run) ?? emptyRun();
      collected.set(run, lines);
      lines.seq.push(seq);
      lines.at.push(Date.parse(timestamp));
      for (const [list, text] of [
        [lines.digest, lineDigest(written)],
        [lines.prev, prev],
      ] as const) {
        const [high, low] = halvesOf(text);
        list[0].push(high);
        list[1].push(low);
      }
    },

    /**
     * Judges the runs. Call it once, because it frees the lines. The log must still have the lines
     * that `heads` record, unless they were written before `from` (in milliseconds).
     */
    found: (from: number, heads: readonly Head[] = []): Runs => {
      const known = new Map(heads.map((one) => [one.run, one]));
      const gone = heads.filter(({ run }) => !collected.has(run));
      const runs = [...collected].map(([run, one]) => judge(run, one, from, known.get(run)));
      runs.sort((one, other) => Date.parse(one.from) - Date.parse(other.from));
      // The lists of the lines are large, and not needed any more.
      collected.clear();
      const isPast = ({ timestamp }: Head) => Date.parse(timestamp) < from;
      const vanished = gone.filter((one) => !isPast(one));
      return { runs, unnumbered, vanished, past: gone.filter(isPast) };
    },
  };
};

type Line = {
  readonly seq: number;
  readonly at: number;
  readonly digest: Halves;
  readonly prev: Halves;
};
const isSame = (one: Halves, other: Halves): boolean => one[0] === other[0] && one[1] === other[1];

/** Yields the lines of a run in the order of their numbers. Copies of a line are neighbours. */
function* inOrderOf({ seq, at, digest, prev }: Collected): Generator<Line> {
  const order = Uint32Array.from({ length: seq.length() }, (_, index) => index);
  order.sort((one, other) => seq.at(one) - seq.at(other) || one - other);
  const halvesAt = ([high, low]: Collected['digest'], index: number): Halves => [
    high.at(index),
    low.at(index),
  ];
  for (const index of order) {
    const halves = { digest: halvesAt(digest, index), prev: halvesAt(prev, index) };
    yield { seq: seq.at(index), at: at.at(index), ...halves };
  }
}

const judge = (run: string, lines: Collected, from: number, known: Head | undefined): Run => {
  const missing: Gap[] = [];
  /** The times of the changed lines by their numbers. */
  const changed = new Map<number, number>();
  let [first, last]: (Line | undefined)[] = [];
  for (const line of inOrderOf(lines)) {
    first ??= line;
    if (line.seq === last?.seq) {
      // A line that differs from another copy of it is changed.
      if (!isSame(line.digest, last.digest)) changed.set(last.seq, last.at);
      continue;
    }
    if (last && line.seq > last.seq + 1) {
      const times = { after: timestampOf(last.at), before: timestampOf(line.at) };
      missing.push({ first: last.seq + 1, last: line.seq - 1, ...times });
    } else if (last && !isSame(line.prev, last.digest)) changed.set(last.seq, last.at);
    if (known?.seq === line.seq && known.digest !== digestOf(line.digest)) {
      changed.set(line.seq, line.at);
    }
    last = line;
  }
  const [begin, end] = [first, last] as [Line, Line];
  if (known !== undefined && known.first < begin.seq && begin.at > from) {
    const times = { after: known.from, before: timestampOf(begin.at) };
    missing.unshift({ first: known.first, last: begin.seq - 1, ...times });
  }
  if (known !== undefined && known.seq > end.seq) {
    const times = { after: timestampOf(end.at), before: known.timestamp };
    missing.push({ first: end.seq + 1, last: known.seq, ...times });
  }
  return {
    ...{ run, first: begin.seq, last: end.seq },
    ...{
      from: timestampOf(begin.at),
      to: timestampOf(end.at),
      digest: digestOf(end.digest),
      missing,
    },
    changed: [...changed]
      .sort(([one], [other]) => one - other)
      .map(([seq, at]) => ({ seq, timestamp: timestampOf(at) })),
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
        `run ${run}: missing entirely; its last line in --heads is ${seq}, of ${timestamp}`,
    ),
    ...together(good, ({ first }) => first === 1, 'that begin with line 1'),
    ...together(good, ({ first }) => first > 1, 'that began before the log'),
    ...(past.length > 0 ? [`${counted(past.length, 'run')} of --heads ended before --from`] : []),
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
  const heads = runs.map(({ run, first, from, last: seq, digest, to: timestamp }): Head => {
    return { run, first, from, seq, digest, timestamp };
  });
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
