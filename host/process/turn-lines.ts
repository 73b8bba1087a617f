/**
 * Writes the log lines of the requests that end in the same turn of the event loop together. A
 * request costs less than the two system calls that would write its line to both outputs.
 */
import type { Level, LineParts } from '../../functions/runtime/log-line.ts';
import { currentTurn } from './turn.ts';

/** Writes lines of one level, each with its line feed. */
export type LineWriter = (level: Level, lines: string) => void;

export type TurnLines = Pick<LineParts, 'write'> & {
  /** Writes the lines that wait. Must be called before the process ends. */
  readonly flush: () => void;
};

/**
 * Passes lines on to `writeAll`, in order, and several together if they may wait. A line that must
 * not wait, a warning and an error are written at once, after those that wait.
 *
 * A request that is alone gets its line written at once, too, since waiting would only delay its
 * answer. Nothing can tell early in a turn how many requests will end in it, so this goes by the
 * turn before: if at most one request ended in that one, the first of this turn counts as alone.
 */
export const joinLinesOfTurn = (
  writeAll: LineWriter,
  turn: () => number = currentTurn,
): TurnLines => {
  let waiting = '';
  let written: Promise<void> | undefined;
  let last = turn();
  let ended = 0;
  let endedBefore = 0;

  const flush = (): void => {
    const lines = waiting;
    waiting = '';
    written = undefined;
    if (lines !== '') writeAll('INFO', lines);
  };
  const isAlone = (): boolean => {
    const now = turn();
    if (now !== last) [last, endedBefore, ended] = [now, ended, 0];
    ended += 1;
    return ended === 1 && endedBefore <= 1;
  };
  return {
    write: (level, line, mayWait) => {
      if (!mayWait || level !== 'INFO' || isAlone()) {
        flush();
        writeAll(level, line);
        return undefined;
      }
      waiting += line;
      written ??= new Promise((resolve) => {
        setImmediate(() => {
          flush();
          resolve();
        });
      });
      return written;
    },
    flush,
  };
};
