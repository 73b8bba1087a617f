/**
 * A line of the log: one JSON object. Undefined fields are left out. The lines of a process are
 * numbered, and each has the digest of the one before, so that `dsvault log check` notices a line
 * that is missing or was changed. All lines of a process must be written here.
 */
import { lineDigest } from '../model/line-digest.ts';
import { newRunId } from './clock.ts';
import { readServiceName } from './config.ts';

const service = readServiceName();

export type Level = 'INFO' | 'WARN' | 'ERROR';

/** The lines of this process are one run. On Lambda, each execution environment has its own. */
const run = newRunId();
let seq = 0;
let prev: string | undefined;

/**
 * Writes a line: INFO to stdout, WARN and ERROR to stderr. Lambda's own filter of log levels reads
 * the fields `level` and `timestamp`.
 */
export const writeLine = (level: Level, message: string, fields: object): void => {
  const timestamp = new Date().toISOString();
  seq += 1;
  const line = JSON.stringify({ level, message, timestamp, service, run, seq, prev, ...fields });
  prev = lineDigest(line);
  (level === 'INFO' ? process.stdout : process.stderr).write(`${line}\n`);
};
