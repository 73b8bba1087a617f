/** The log of a vault that keeps its lines for a test. */
import type { Level } from '../../functions/runtime/log-line.ts';
import { createLog, type Log, type LogParts } from '../../functions/runtime/request-journal.ts';
import type { Line } from './log-lines.ts';

export type KeptLog = Log & {
  /** The lines so far as they were written, each with its line feed. */
  readonly written: readonly { readonly level: Level; readonly text: string }[];
  /** The fields of each line so far. */
  readonly lines: () => readonly Line[];
  /** Like `lines`, but forgets the lines. */
  readonly taken: () => readonly Line[];
};

export const createKeptLog = (parts: Partial<Omit<LogParts, 'write'>> = {}): KeptLog => {
  const written: { level: Level; text: string }[] = [];
  const write: LogParts['write'] = (level, text) => void written.push({ level, text });
  const log = createLog({ service: 'vault', now: Date.now, ...parts, write });
  const lines = () => written.map(({ text }) => JSON.parse(text));
  const taken = () => {
    const found = lines();
    written.length = 0;
    return found;
  };
  return { ...log, written, lines, taken };
};
