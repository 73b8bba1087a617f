/** Hides values in output, however the output is cut into chunks. Bytes are Latin-1 text here, one unit each. */

const redactedMark = '[redacted]';

/** Marks for shorter values would reveal more than they hide. */
const redactedBytesMin = 4;
/** Programs print single lines, so each line of a value is hidden by itself from this length on. */
const lineBytesMin = 8;

export type Redaction = {
  /** Takes output, and returns the part of all output so far that may be passed on. */
  readonly push: (chunk: Uint8Array) => Buffer;
  readonly end: () => Buffer;
};

/** The texts to hide for these values: each value of 4 bytes, and each line of 8 bytes of a value. */
export const textsToHide = (values: readonly string[]): string[] => {
  const texts = values.flatMap((value) => {
    // Trailing line ends go, as a shell removes them in `$(…)`. The lookbehind is fast for many line ends inside the value.
    const whole = Buffer.from(value)
      .toString('latin1')
      .replace(/(?<![\r\n])[\r\n]+$/, '');
    const lines = whole.split(/\r\n?|\n/).filter((line) => line.length >= lineBytesMin);
    return whole.length >= redactedBytesMin ? [whole, ...lines] : lines;
  });
  return [...new Set(texts)];
};

type Run = { readonly start: number; readonly end: number };

/** Replaces each maximal run of bytes that belong to texts by one mark. Texts may overlap or be adjacent. */
export const startRedaction = (texts: readonly string[]): Redaction => {
  /** The output from the first byte that may begin a text. Its first `passed` bytes were passed on already. */
  let held = '';
  let passed = 0;
  /** Whether the output so far ends with a mark. The rest of the same run needs no other mark. */
  let marked = false;
  const passUntil = (end: number, runs: readonly Run[]): Buffer => {
    const parts: string[] = [];
    for (const run of runs) {
      if (run.start >= end) break;
      if (run.end <= passed) continue;
      if (run.start > passed) parts.push(held.slice(passed, run.start));
      if (run.start > passed || !marked) parts.push(redactedMark);
      marked = true;
      passed = run.end;
    }
    if (end > passed) {
      parts.push(held.slice(passed, end));
      marked = false;
      passed = end;
    }
    return Buffer.from(parts.join(''), 'latin1');
  };
  return {
    push: (chunk) => {
      held += Buffer.from(chunk).toString('latin1');
      const runs = runsIn(held, texts);
      // A possible beginning of a text is held back, unless a run hides it already.
      const open = openFrom(held, texts);
      const covering = runs.find((run) => run.start <= open && run.end > open);
      const output = passUntil(covering?.end ?? open, runs);
      held = held.slice(open);
      passed -= open;
      return output;
    },
    end: () => passUntil(held.length, runsIn(held, texts)),
  };
};

/** The runs of bytes of texts, in order. A regular expression would fail for long texts, and its error would quote them. */
const runsIn = (output: string, texts: readonly string[]): readonly Run[] => {
  const found = texts.flatMap((text) => {
    const runs: Run[] = [];
    for (let at = output.indexOf(text); at >= 0; at = output.indexOf(text, at + 1)) {
      runs.push({ start: at, end: at + text.length });
    }
    return runs;
  });
  const merged: Run[] = [];
  for (const run of found.sort((one, other) => one.start - other.start)) {
    const last = merged.at(-1);
    if (last === undefined || run.start > last.end) merged.push(run);
    else if (run.end > last.end) merged.splice(-1, 1, { start: last.start, end: run.end });
  }
  return merged;
};

/** The first offset from which the end of the output may be the beginning of a text; if there is none, its length. */
const openFrom = (output: string, texts: readonly string[]): number => {
  let open = output.length;
  for (const text of texts) {
    const isOpen = (at: number): boolean => text.startsWith(output.slice(at));
    const next = (from: number): number => output.indexOf(text.charAt(0), from);
    let at = next(Math.max(0, output.length - text.length + 1));
    while (at >= 0 && at < open && !isOpen(at)) at = next(at + 1);
    if (at >= 0 && at < open) open = at;
  }
  return open;
};
