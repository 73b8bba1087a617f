/** A filter that lets no value through, however it is cut into chunks. Bytes are handled as Latin-1 text, one unit each. */
import { searchFor } from '../functions/env/occurrences.ts';

const redactedMark = '[redacted]';

/** Of less than this, the marks would tell more than they hide. */
const redactedBytesMin = 4;
/** A line of a value of several lines is hidden by itself from this length on: programs print line by line. */
const lineBytesMin = 8;

export type Redaction = {
  /** What may be passed on of all that was pushed so far. */
  readonly push: (chunk: Uint8Array) => Buffer;
  /** The rest. */
  readonly end: () => Buffer;
};

/** The texts to hide of these values; none of one that is too short. */
export const textsToHide = (values: readonly string[]): string[] => {
  const texts = values.flatMap((value) => {
    // Without the line ends behind it, which shells leave out; the look back is for many of them elsewhere.
    const whole = Buffer.from(value)
      .toString('latin1')
      .replace(/(?<![\r\n])[\r\n]+$/, '');
    const lines = whole.split(/\r\n?|\n/).filter((line) => line.length >= lineBytesMin);
    return whole.length >= redactedBytesMin ? [whole, ...lines] : lines;
  });
  return [...new Set(texts)];
};

/** A maximal run of bytes that are of any text is one mark: texts may overlap, or follow each other. */
export const startRedaction = (texts: readonly string[]): Redaction => {
  // No regular expression: of long texts it is refused, with an error that quotes them.
  const search = searchFor(texts);
  /** What was not passed on, and the runs of it that are to be hidden, in order. */
  let held = '';
  let runs: Run[] = [];
  /** Whether the last that was passed on is a mark: what follows in the same run needs no other. */
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
      // What may be the beginning of a text waits for the rest, unless it is hidden already: so one may begin before.
      const open = Math.max(0, held.length - search.open());
      const reaching = runs.find((run) => run.start <= open && run.end > open);
      return passUntil(reaching?.end ?? open);
    },
    end: () => passUntil(held.length),
  };
};

type Run = { start: number; end: number };

/** `end` is never before the end of another. */
const addRun = (runs: Run[], start: number, end: number): void => {
  let first = start;
  for (let last = runs.at(-1); last !== undefined && last.end >= first; last = runs.at(-1)) {
    first = Math.min(first, last.start);
    runs.pop();
  }
  runs.push({ start: first, end });
};
