/** Reads quoted values. */
import type { Value } from './grammar.ts';
import type { Fault } from './places.ts';

type Quoted = { readonly value: Value; readonly end: number };

/**
 * The value whose opening quote is at `open`, and the offset after its closing quote; `undefined` if no quote closes
 * it. A bad escape is reported and kept as text.
 */
export const readQuoted = (
  text: string,
  open: number,
  quote: "'" | '"',
  faults: Fault[],
): Quoted | undefined => (quote === "'" ? readSingle(text, open) : readDouble(text, open, faults));

const readSingle = (text: string, open: number): Quoted | undefined => {
  const offset = open + 1;
  const close = text.indexOf("'", offset);
  if (close < 0) return undefined;
  const raw = text.slice(offset, close);
  return { value: { quote: "'", raw, offset, decoded: raw, escapes: [] }, end: close + 1 };
};

const meanings = new Map([
  ['\\', '\\'],
  ['"', '"'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
  ['$', '$'],
  ['`', '`'],
]);

const readDouble = (text: string, open: number, faults: Fault[]): Quoted | undefined => {
  const offset = open + 1;
  const stop = /["\\]/g;
  const pieces: string[] = [];
  const escapes: number[] = [];
  const bad: Fault[] = [];
  let copied = offset;
  stop.lastIndex = offset;
  for (let match = stop.exec(text); match !== null; match = stop.exec(text)) {
    const at = match.index;
    if (match[0] === '"') {
      pieces.push(text.slice(copied, at));
      for (const fault of bad) faults.push(fault);
      const raw = text.slice(offset, at);
      return { value: { quote: '"', raw, offset, decoded: pieces.join(''), escapes }, end: at + 1 };
    }
    const meaning = meanings.get(text[at + 1] ?? '');
    if (meaning === undefined) bad.push({ offset: at, code: 'bad_escape' });
    else {
      pieces.push(text.slice(copied, at), meaning);
      escapes.push(at - offset - escapes.length);
      copied = at + 2;
    }
    stop.lastIndex = at + 2;
  }
  return undefined;
};
