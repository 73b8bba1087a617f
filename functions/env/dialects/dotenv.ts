/**
 * npm dotenv and Node's `--env-file`, which must both read the same. Neither knows an escape for a quote, so
 * a value with every kind of quotes can be written only if it needs none. The two readers take a CR for a
 * line's end or drop it. dotenv-expand reads their result. A value in which it would replace or run anything
 * is refused, because no spelling hides that from it.
 */
import { type Assignment, type Line, printLine } from '../grammar.ts';
import { checksOf, isPlain, type Reading, type Writer } from './writer.ts';

/**
 * dotenv-expand replaces `$NAME` and `${NAME}`, runs `$(…)`, and drops a backslash before `$`. The other
 * patterns harm lines that read this one: there a `$` at the end would join the next text, `$$` and `$&` are
 * patterns of JavaScript's `replace`, and a backslash at the end escapes the next character.
 */
const expandable = /\$(?:[A-Za-z_{}($&'`]|$)|\\(?:\$|$)/;

/** Tries the spellings that the grammar reads the same first, then those that are for final replies only. */
const spell = (value: string): string | undefined => {
  if (isPlain(value)) return value;
  if (value === '') return "''";
  if (!value.includes("'")) return `'${value}'`;
  if (!/["\\]/.test(value)) return `"${value}"`;
  if (standsBare(value)) return value;
  if (!/"|\\[nr]/.test(value)) return `"${value}"`;
  return value.includes('`') ? undefined : `\`${value}\``;
};

const standsBare = (value: string): boolean =>
  !/^['"`]|[#\n]/.test(value) && !lineSeparator.test(value) && value.trim() === value;

const write: Writer['write'] = (line, value) => {
  if (value.includes('\0')) return { reason: 'nul' };
  if (value.includes('\r')) return { reason: 'carriage_return' };
  if (expandable.test(value)) return { reason: 'expansion' };
  const spelled = spell(value);
  if (spelled === undefined) return { reason: 'quotes' };
  const { indent, exported, key, afterValue, comment, eol } = line;
  // Node knows `export` only with a space after it.
  const head = `${indent}${exported === '' ? '' : 'export '}${key}`;
  return `${head}=${spelled}${afterValue}${comment}${eol}`;
};

/** npm dotenv searches for keys at the beginnings of lines. For it, these characters end a line too. */
const lineSeparator = /[\u2028\u2029]/;

const dotenvReads = (line: Line, marked: boolean): Reading => {
  if (lineSeparator.test(outsideQuotes(line))) return 'whole file';
  if (line.kind !== 'assignment') return otherReads(line.text, marked);
  const reading = valueReads(line);
  if (reading !== 'same') return reading;
  const { exported, key, value } = line;
  // Node takes `export` for a part of the key if a tab follows it or the value is empty.
  const alien = exported.includes('\t') || (exported !== '' && value.quote + value.raw === '');
  return marked || alien || key === '__proto__' ? 'different' : 'same';
};

/**
 * Whether dotenv-expand may give a `$` or a backslash of the value a new meaning. dotenv-expand replaces a
 * name by its value, searches the result again, and then runs the commands in it. A `$` is loose at the end,
 * or before a command, another `$`, a replacement pattern (`$&`) or an incomplete name; a backslash, if it
 * may become an escape. A number sign counts as the end, because npm dotenv cuts a bare value there.
 *
 * In other values a letter, a brace or a meaningless character follows each `$`, also after replacements by
 * such values. So no text becomes a new name or a new command.
 */
const isLoose = (raw: string): boolean =>
  /\$(?:[$(&'`}]|\{(?![A-Za-z_]\w*[}:+-])|\s*(?:#|$))|\\(?:[$}]|\s*(?:#|$))/.test(raw);

const namesReadBy = (raw: string): string[] =>
  [...raw.matchAll(/\$\{?([A-Za-z_]\w*)/g)].map(([, name = '']) => name);

/**
 * The first unchanged line that dotenv-expand could combine with another: a loose line whose key another line
 * reads, or a line that may absorb the text of others, if any line reads a name. The author is responsible
 * for a loose line that no other line reads.
 */
const clashAmong = (readings: ReadonlyMap<Line, Reading>): Line | undefined => {
  const kept = [...readings.keys()];
  const assignments = kept.filter((line) => line.kind === 'assignment');
  const read = new Set(assignments.flatMap(({ value }) => namesReadBy(value.raw)));
  const isNamed = kept.some((line) => namesReadBy(printLine(line)).length > 0);
  return kept.find((line) => {
    if (readings.get(line) === 'lines below') return isNamed;
    return line.kind === 'assignment' && read.has(line.key) && isLoose(line.value.raw);
  });
};

const outsideQuotes = (line: Line): string => {
  if (line.kind !== 'assignment') return line.text;
  return (line.value.quote === '' ? line.value.raw : '') + line.comment;
};

/** Node may take a comment for a key and its value if the comment does not begin its line. */
const otherReads = (text: string, marked: boolean): Reading => {
  if (text.startsWith('#') && !marked) return 'same';
  if (/=[ \t]*(?:['"`]|$)/.test(text)) return 'lines below';
  return marked || text.includes('=') ? 'different' : 'same';
};

const valueReads = (line: Assignment): Reading => {
  const { quote, raw } = line.value;
  if (isLoose(raw) && namesReadBy(raw).length > 0) return 'whole file';
  if (quote === '') return bareReads(line, raw);
  // npm dotenv ends the value at a quote without a backslash before it, Node at any quote.
  const endsEarly = quote === '"' && raw.includes('\\"');
  if (endsEarly && raw.includes('\n')) return 'whole file';
  if (raw.endsWith('\\')) return 'lines below';
  if (quote === "'") return raw.includes('\r') ? 'different' : 'same';
  if (endsEarly) return 'different';
  return /\r|\\[^n]/.test(raw) ? 'different' : 'same';
};

const bareReads = ({ afterValue, comment }: Assignment, raw: string): Reading => {
  // Node looks for the value on the next line.
  if (raw === '') return comment === '' && afterValue !== '' ? 'lines below' : 'same';
  // A quote may open a value after a blank that only npm dotenv knows.
  if (/^\s/.test(raw)) return 'lines below';
  if (raw.startsWith('`')) return /^`[^\\]*`/.test(raw) ? 'different' : 'lines below';
  return /#|\s$/.test(raw) ? 'different' : 'same';
};

export const dotenv: Writer = {
  write,
  ...checksOf({
    reads: dotenvReads,
    clash: clashAmong,
    unfit: (line, marked) => {
      if (marked) return 'byte_order_mark';
      // Both return objects, and this is no ordinary property of an object.
      if (line.key === '__proto__') return 'key';
      return lineSeparator.test(line.comment) ? 'comment' : undefined;
    },
  }),
};
