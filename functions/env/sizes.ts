/** Sizes of texts in bytes. Texts must be well-formed UTF-16. */
import { ApiError } from '../model/errors.ts';

/**
 * Throws `too_large` with the limit if `size` exceeds it. `has` begins the sentence with what has
 * this size, and can be split.
 */
export const requireAtMost = (size: number, limit: number, has: (size: number) => string): void => {
  if (size <= limit) return;
  throw new ApiError('too_large', `${has(size)}, and the limit is ${limit}: split it`, {
    properties: { limit },
  });
};

const encoder = new TextEncoder();

export const utf8Bytes = (text: string): number => encoder.encode(text).length;

/**
 * Counts the UTF-8 bytes of a text inside a JSON string without encoding it. With `depth` 2, that
 * string is itself inside a JSON string.
 */
export const jsonBytes = (text: string, depth: 1 | 2 = 1): number => {
  const { short, control, mark } = escapesExtra[depth];
  let bytes = text.length;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    // Each half of a surrogate pair has two of the pair's four bytes.
    if (unit >= 0x80) bytes += unit < 0x800 || (unit >= 0xd800 && unit <= 0xdfff) ? 1 : 2;
    else if (unit < 0x20) bytes += shortEscapes.has(unit) ? short : control;
    else if (unit === 0x22 || unit === 0x5c) bytes += mark;
  }
  return bytes;
};

/**
 * The bytes that an escape adds at each depth of JSON: `\n` and `\\n`; `\u0001` and `\\u0001`; `\"`
 * and `\\\"`.
 */
const escapesExtra = {
  1: { short: 1, control: 5, mark: 1 },
  2: { short: 2, control: 6, mark: 3 },
} as const;

/** The escapes \b \t \n \f \r have two characters. Those of other control characters have six. */
const shortEscapes: ReadonlySet<number> = new Set([0x08, 0x09, 0x0a, 0x0c, 0x0d]);
