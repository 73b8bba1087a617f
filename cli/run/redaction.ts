/** A filter that hides values in output, for any cut into chunks. It handles bytes as Latin-1 text, one unit each. */
import { searchFor } from '../../functions/env/occurrences.ts';

const redactedMark = '[redacted]';

/** Marks for shorter values would reveal more than they hide. */
const redactedBytesMin = 4;
/** A line of a value with several lines is hidden by itself from this length on, because programs print single lines. */
const lineBytesMin = 8;

export type Redaction = {
  /** Takes output, and returns the part of all output so far that may be passed on. */
  readonly push: (chunk: Uint8Array) => Buffer;
  /** Returns the rest of the output. */
  readonly end: () => Buffer;
};

/** The texts to hide for these values. Too short values have none. */
export const textsToHide = (values: readonly string[]): string[] => {
  const texts = values.flatMap((value) => {
    // Trailing line ends are removed, as shells do. The lookbehind keeps this fast for many line ends inside the value.
    const whole = Buffer.from(value)
      .toString('latin1')
      .replace(/(?<![\r\n])[\r\n]+$/, '');
    const lines = whole.split(/\r\n?|\n/).filter((line) => line.length >= lineBytesMin);
    return whole.length >= redactedBytesMin ? [whole, ...lines] : lines;
  });
  return [...new Set(texts)];
};

/** Replaces each maximal run of bytes that belong to texts by one mark. Texts may overlap or be adjacent. */
export const startRedaction = (texts: readonly string[]): Redaction => {
  // A regular expression is not used: it fails for long texts, with an error that quotes them.
  const search = searchFor(texts);
  /** The output that is held back, and the runs in it to be hidden, in order. */
  let held = '';
  let runs: Run[] = [];
  /** Whether the output so far ends with a mark. The rest of the same run needs no other mark. */
  let marked = false;
  const passUntil = (end: number): Buffer => {
    const passed: string[] = [];
    let at = 0;
    for (const run of runs) {
      if (run.start >= end) break;
      if (run.start > at) passed.push(held.slice(at, run.start));
      if (run.start > at || !marked) passed.push(redactedMark);
      marked = true;
      at = run.end;
    }
    if (end > at) {
      passed.push(held.slice(at, end));
      marked = false;
    }
    held = held.slice(end);
    runs = runs
      .filter((run) => run.end > end)
      .map((run) => ({ start: run.start - end, end: run.end - end }));
    return Buffer.from(passed.join(''), 'latin1');
  };
  return {
    push: (chunk) => {
      const before = held.length;
      const text = Buffer.from(chunk).toString('latin1');
      held += text;
      search.feed(text, (end, length) => addRun(runs, before + end - length, before + end));
      // A possible beginning of a text is held back, unless a run hides it already.
      const open = Math.max(0, held.length - search.open());
      const reaching = runs.find((run) => run.start <= open && run.end > open);
      return passUntil(reaching?.end ?? open);
    },
    end: () => passUntil(held.length),
  };
};

type Run = { start: number; end: number };

/** Adds a run. Its `end` must not be before the end of an earlier run. */
const addRun = (runs: Run[], start: number, end: number): void => {
  let first = start;
  for (let last = runs.at(-1); last !== undefined && last.end >= first; last = runs.at(-1)) {
    first = Math.min(first, last.start);
    runs.pop();
  }
  runs.push({ start: first, end });
};
