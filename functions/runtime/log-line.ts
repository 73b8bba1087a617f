/** A line of the log: one JSON object. Undefined fields are left out. */
import { readServiceName } from './config.ts';

const service = readServiceName();

export type Level = 'INFO' | 'WARN' | 'ERROR';

/**
 * Writes a line: INFO to stdout, WARN and ERROR to stderr. Lambda filters by `level` and
 * `timestamp`.
 */
export const writeLine = (level: Level, message: string, fields: object): void => {
  const timestamp = new Date().toISOString();
  const line = JSON.stringify({ level, message, timestamp, service, ...fields });
  (level === 'INFO' ? process.stdout : process.stderr).write(`${line}\n`);
};
