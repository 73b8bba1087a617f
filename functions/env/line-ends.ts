/** LF and CRLF end a line. A CR alone does not end a line, and is an error outside quotes. */
import type { Fault } from './places.ts';

export type Eol = '\n' | '\r\n' | '';

/** The end of the line of `at`: after its EOL (`end`), and before it (`content`). */
export const endOfLine = (text: string, at: number) => {
  const feed = text.indexOf('\n', at);
  if (feed < 0) return { end: text.length, content: text.length, eol: '' } as const;
  if (text[feed - 1] === '\r') {
    return { end: feed + 1, content: feed - 1, eol: '\r\n' } as const;
  }
  return { end: feed + 1, content: feed, eol: '\n' } as const;
};

/** Reports each CR that ends no line. The range must be outside quotes. */
export const reportReturns = (text: string, from: number, to: number, faults: Fault[]): void => {
  const part = text.slice(from, to);
  for (let at = part.indexOf('\r'); at >= 0; at = part.indexOf('\r', at + 1)) {
    faults.push({ offset: from + at, code: 'bad_character' });
  }
};

export const countLineFeeds = (text: string, from: number, to: number): number => {
  let count = 0;
  for (let at = from; at < to; at++) if (text.charCodeAt(at) === 0x0a) count++;
  return count;
};

export const isBlank = (character: string | undefined): boolean =>
  character === ' ' || character === '\t';
