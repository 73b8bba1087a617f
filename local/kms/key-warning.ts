/** The lines of the log that name a fault of the key's file. */
import { logKeyFile } from '../../functions/runtime/journal.ts';

const everyMs = 60_000;

/** Returns a function that passes a sentence on unless it passed the same one in the last minute. `now` is in ms. */
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

/** Writes a WARN line, at most once a minute for each sentence. */
export const warnOfKey = onceAMinute(logKeyFile);
