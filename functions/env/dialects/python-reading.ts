/** How python-dotenv reads an unchanged line. */
import { type Line, printLine } from '../grammar.ts';
import { readBindings } from './python-bindings.ts';
import type { Reading } from './reading.ts';

type Place = { readonly start: number; readonly end: number };

/**
 * The parts of a decoded value that python-dotenv replaces: the matches of the regular expression
 * `\$\{[^}:]*(:-[^}]*)?\}`, found in linear time.
 */
export const findExpansions = (text: string): Place[] => {
  const places: Place[] = [];
  let brace = -1;
  let colon = -1;
  for (let start = text.indexOf('${'); start >= 0; ) {
    const name = start + '${'.length;
    if (brace < name) brace = text.indexOf('}', name);
    if (brace < 0) break;
    if (colon < name) colon = indexOrEnd(text, ':', name);
    const found = colon > brace || text[colon + 1] === '-';
    const end = found ? brace + 1 : name;
    if (found) places.push({ start, end });
    start = text.indexOf('${', end);
  }
  return places;
};

const indexOrEnd = (text: string, character: string, from: number): number => {
  const index = text.indexOf(character, from);
  return index < 0 ? text.length : index;
};

/**
 * How python-dotenv reads an unchanged line. The model reads the line alone, so it knows every key that the reader
 * finds in it, and whether the reader ends the line where the grammar does. An open quote affects the whole file,
 * not only the lines below: the reader may find its end in a value, or give the quote up. In both cases it may find
 * keys in the following text, which replace keys above.
 */
export const pythonReads = (line: Line): Reading => {
  const { bindings, open } = readBindings(printLine(line));
  const keys = bindings.flatMap(({ key }) => (key === undefined ? [] : [key]));
  const own = line.kind === 'assignment' ? line.key : undefined;
  if (open || keys.some((key) => key !== own)) return 'whole file';
  if (line.kind !== 'assignment') return 'same';
  const [first, ...others] = bindings;
  if (first?.value !== line.value.decoded || others.length > 0) return 'different';
  return findExpansions(first.value).length > 0 ? 'different' : 'same';
};
