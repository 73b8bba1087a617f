/** Logs faults of the key file. */

import type { Log } from '../../functions/runtime/request-journal.ts';
import { logKeyFile } from '../process/host-log.ts';

const everyMs = 60_000;

/**
 * Returns a function that calls `write` with a message, unless it did so with the same message
 * within the last minute. `now` is in ms.
 */
export const onceAMinute = (
  write: (sentence: string) => void,
  now: () => number = () => performance.now(),
): ((sentence: string) => void) => {
  const last = new Map<string, number>();
  return (sentence) => {
    const at = now();
    if (at - (last.get(sentence) ?? Number.NEGATIVE_INFINITY) < everyMs) return;
    last.set(sentence, at);
    write(sentence);
  };
};

/** Returns a function that writes a WARN line, at most once a minute for the same message. */
export const warningOfKey = (log: Log): ((sentence: string) => void) =>
  onceAMinute((sentence) => logKeyFile(log, sentence));
