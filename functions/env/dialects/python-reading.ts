/** How python-dotenv reads a line that nobody wrote for it. It skips a line that it cannot read. */
import type { Line } from '../grammar.ts';
import { endsInOddBackslash, type Reading } from './reading.ts';

type Place = { readonly start: number; readonly end: number };

/**
 * What is replaced in a value after its quotes and escapes are removed: what the regular expression
 * `\$\{[^}:]*(:-[^}]*)?\}` finds, but in time that is linear in the text.
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

/** Python's blanks: those of Unicode and four controls. */
const blank = '[\\s\\u0085\\u001c-\\u001f]';
const blankFirst = new RegExp(`^${blank}`);
const blankThatCuts = new RegExp(`${blank}#|${blank}$`);

export const pythonReads = (line: Line): Reading => {
  if (line.kind !== 'assignment') return 'alike';
  const { quote, raw, decoded } = line.value;
  if (quote !== '' && endsInOddBackslash(raw)) return 'below';
  // Behind a blank that only this reader knows, a quote may open a value.
  if (quote === '' && blankFirst.test(raw)) return 'below';
  // It finds no key and skips one line, of a value that may have several.
  if (line.key === 'export' && line.beforeEquals !== '') return 'below';
  if (findExpansions(decoded).length > 0) return 'otherwise';
  if (quote === '') return blankThatCuts.test(raw) ? 'otherwise' : 'alike';
  if (raw.includes('\r')) return 'otherwise';
  const changed = quote === "'" ? /\\\\/ : /\\[$`]/;
  return changed.test(quote === "'" ? raw : raw.replace(/\\[\\"nrt]/g, '')) ? 'otherwise' : 'alike';
};
