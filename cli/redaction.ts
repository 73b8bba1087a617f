/** A filter that lets no value through, however it is cut into chunks. Bytes are handled as Latin-1 text, one unit each. */

const redactedMark = '[redacted]';

/** Of less than this, the marks would tell more than they hide. */
export const redactedBytesMin = 4;
/** A line of a value of several lines is hidden by itself from this length on: programs print line by line. */
const lineBytesMin = 8;

export type Redaction = {
  /** What may be passed on of all that was pushed so far. */
  readonly push: (chunk: Uint8Array) => Buffer;
  /** The rest. */
  readonly end: () => Buffer;
};

/** The texts to hide of these values, the longest first, so that none is hidden in part. */
export const textsToHide = (values: readonly string[]): string[] => {
  const texts = values.flatMap((value) => {
    const whole = Buffer.from(value).toString('latin1');
    const lines = whole.split(/\r?\n/).filter((line) => line.length >= lineBytesMin);
    return whole.length >= redactedBytesMin ? [whole, ...lines] : lines;
  });
  return [...new Set(texts)].sort((a, b) => b.length - a.length);
};

export const startRedaction = (texts: readonly string[]): Redaction => {
  const pattern = texts.map((text) => text.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')).join('|');
  const hidden = pattern === '' ? undefined : new RegExp(pattern, 'g');
  const longest = texts[0]?.length ?? 0;
  let held = '';
  const pass = (text: string): Buffer =>
    Buffer.from(hidden ? text.replaceAll(hidden, redactedMark) : text, 'latin1');
  return {
    push: (chunk) => {
      const text = held + Buffer.from(chunk).toString('latin1');
      const end = firstOpen(text, texts, longest, hidden);
      held = text.slice(end);
      return pass(text.slice(0, end));
    },
    end: () => {
      const rest = held;
      held = '';
      return pass(rest);
    },
  };
};

/**
 * Where the part begins that may be the beginning of a text to hide, whose rest is yet to come. A whole match before
 * it is over; one that reaches into it may be part of a longer one, and waits with it.
 */
const firstOpen = (
  text: string,
  texts: readonly string[],
  longest: number,
  hidden: RegExp | undefined,
): number => {
  const from = Math.max(0, text.length - longest + 1);
  let open = text.length;
  for (let at = from; at < text.length; at += 1) {
    const rest = text.length - at;
    if (
      texts.some((hiding) => hiding.length > rest && text.startsWith(hiding.slice(0, rest), at))
    ) {
      open = at;
      break;
    }
  }
  for (const match of hidden === undefined ? [] : text.matchAll(hidden)) {
    if (match.index < open && match.index + match[0].length > open) return match.index;
  }
  return open;
};
