/**
 * A line of the log: one JSON object. Undefined fields are left out. The lines that a vault writes
 * in one process are numbered, and each has the digest of the one before, so that `dsvault log
 * check` notices a line that is missing or was changed. All lines of a vault must be written here.
 */
import { lineDigest } from '../model/line-digest.ts';
import { newRunId } from './clock.ts';

export type Level = 'INFO' | 'WARN' | 'ERROR';

/**
 * Writes a line with these fields. Lambda's own filter of log levels reads the fields `level` and
 * `timestamp`.
 */
export type WriteLine = (level: Level, message: string, fields: object) => void;

export type LineParts = {
  /** The name of the vault. */
  readonly service: string;
  /** The time, in milliseconds since the epoch. */
  readonly now: () => number;
  /**
   * Receives each line, with its line feed. If the line may wait, it can be written a little later.
   * The promise then resolves once it is written.
   */
  readonly write: (level: Level, line: string, mayWait: boolean) => void | Promise<void>;
};

/**
 * Begins a run, which is all the lines that one vault writes to its log until its process ends. A
 * line is written at once unless it may wait; see `LineParts.write`.
 */
export const createWriteLine = ({
  service,
  now,
  write,
}: LineParts): ((
  ...line: [...Parameters<WriteLine>, mayWait?: boolean]
) => void | Promise<void>) => {
  const run = newRunId();
  let seq = 0;
  let prev: string | undefined;
  return (level, message, fields, mayWait = false) => {
    const timestamp = new Date(now()).toISOString();
    seq += 1;
    const line = JSON.stringify({ level, message, timestamp, service, run, seq, prev, ...fields });
    prev = lineDigest(line);
    return write(level, `${line}\n`, mayWait);
  };
};

/** Writes lines to the output of this process: INFO to stdout, WARN and ERROR to stderr. */
export const writeToOutput = (level: Level, lines: string): void => {
  process[level === 'INFO' ? 'stdout' : 'stderr'].write(lines);
};
