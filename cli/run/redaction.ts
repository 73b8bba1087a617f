/**
 * Masks values in output, however the output is split into chunks. Bytes are handled as Latin-1
 * text, one character each.
 */

const redactedMark = '[redacted]';

/** Masking shorter values would reveal more than it hides. */
const redactedBytesMin = 4;
/**
 * Programs print single lines, so lines of a value that have at least this length are masked, too.
 */
const lineBytesMin = 8;

export type Redaction = {
  /** Takes output, and returns the part of all output so far that may be passed on. */
  readonly push: (chunk: Uint8Array) => Buffer;
  readonly end: () => Buffer;
};

/**
 * The texts to mask: each value that has at least 4 bytes, and in it each line that has at least 8
 * bytes.
 */
export const textsToHide = (values: readonly string[]): string[] => {
  const texts = values.flatMap((value) => {
    // Trailing line ends are removed, as a shell does in `$(…)`. The lookbehind keeps this fast if
    // there are many line ends inside the value.
    const whole = Buffer.from(value)
      .toString('latin1')
      .replace(/(?<![\r\n])[\r\n]+$/, '');
    const lines = whole.split(/\r\n?|\n/).filter((line) => line.length >= lineBytesMin);
    return whole.length >= redactedBytesMin ? [whole, ...lines] : lines;
  });
  return [...new Set(texts)];
};

type Span = { readonly start: number; readonly end: number };

/**
 * Replaces each longest span of bytes that belong to texts by one mark. Texts may overlap or be
 * adjacent.
 */
export const startRedaction = (texts: readonly string[]): Redaction => {
  /**
   * The output from the first byte at which a text may begin. Its first `passed` bytes were already
   * passed on.
   */
  let held = '';
  let passed = 0;
  /**
   * Whether the output so far ends with a mark. The rest of the same span needs no further mark.
   */
  let marked = false;
  const passUntil = (end: number, spans: readonly Span[]): Buffer => {
    const parts: string[] = [];
    for (const span of spans) {
      if (span.start >= end) break;
      if (span.end <= passed) continue;
      if (span.start > passed) parts.push(held.slice(passed, span.start));
      if (span.start > passed || !marked) parts.push(redactedMark);
      marked = true;
      passed = span.end;
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
      const spans = spansIn(held, texts);
      // A possible beginning of a text is held back, unless it is within a masked span already.
      const open = firstOpenBeginning(held, texts);
      const covering = spans.find((span) => span.start <= open && span.end > open);
      const output = passUntil(covering?.end ?? open, spans);
      held = held.slice(open);
      passed -= open;
      return output;
    },
    end: () => passUntil(held.length, spansIn(held, texts)),
  };
};

/**
 * The spans of bytes that belong to texts, in order. A regular expression would fail for long
 * texts, and its error would quote them.
 */
const spansIn = (output: string, texts: readonly string[]): readonly Span[] => {
  const found = texts.flatMap((text) => {
    const spans: Span[] = [];
    for (let at = output.indexOf(text); at >= 0; at = output.indexOf(text, at + 1)) {
      spans.push({ start: at, end: at + text.length });
    }
    return spans;
  });
  const merged: Span[] = [];
  for (const span of found.sort((one, other) => one.start - other.start)) {
    const last = merged.at(-1);
    if (last === undefined || span.start > last.end) merged.push(span);
    else if (span.end > last.end) merged.splice(-1, 1, { start: last.start, end: span.end });
  }
  return merged;
};

/**
 * The first offset from which the end of the output may be the beginning of a text. If there is
 * none, the length of the output.
 */
const firstOpenBeginning = (output: string, texts: readonly string[]): number => {
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
