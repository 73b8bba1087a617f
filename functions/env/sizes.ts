/** Sizes in bytes, counted without making the bytes; texts are well-formed UTF-16. */

/** Of the text in UTF-8. */
export const utf8Bytes = (text: string): number => {
  let bytes = text.length;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit >= 0x80) bytes += unitsExtra(unit);
  }
  return bytes;
};

/**
 * Of the text inside a JSON string as `JSON.stringify` writes it, in UTF-8, without the quotes. `depth` 2: of the text
 * inside a string of a JSON text which is itself inside a JSON string.
 */
export const jsonBytes = (text: string, depth: 1 | 2 = 1): number => {
  const { short, control, mark } = escapesExtra[depth];
  let bytes = text.length;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit >= 0x80) bytes += unitsExtra(unit);
    else if (unit < 0x20) bytes += shortEscapes.has(unit) ? short : control;
    else if (unit === 0x22 || unit === 0x5c) bytes += mark;
  }
  return bytes;
};

/** What a code unit from 0x80 on takes beyond one byte: half a pair is two of the pair's four. */
const unitsExtra = (unit: number): number =>
  unit < 0x800 || (unit >= 0xd800 && unit <= 0xdfff) ? 1 : 2;

/**
 * What an escape takes beyond one byte. A line feed is `\n`, then `\\n`; another control is `\u0001`, then `\\u0001`; a
 * quotation mark is `\"`, then `\\\"`, and a backslash likewise.
 */
const escapesExtra = {
  1: { short: 1, control: 5, mark: 1 },
  2: { short: 2, control: 6, mark: 3 },
} as const;

/** \b \t \n \f \r: two characters; other controls are written as six. */
const shortEscapes: ReadonlySet<number> = new Set([0x08, 0x09, 0x0a, 0x0c, 0x0d]);
