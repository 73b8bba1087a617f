/**
 * Three readers that must all read the same: npm dotenv, dotenv-expand after it, and Node's
 * `--env-file`. dotenv-expand processes what npm dotenv has read. If it would replace or run
 * anything in a value, the value is refused, because no way of writing it prevents that.
 */
import { type Line, printLine } from '../grammar.ts';
import { readByNode, unfitForNode, writeForNode } from './node.ts';
import { checksOf, type Reading, type Writer, withOwnComment } from './writer.ts';

/**
 * dotenv-expand replaces `$NAME` and `${NAME}`, runs `$(…)`, and drops a backslash before `$`. The
 * other patterns harm lines that refer to this one: a `$` at the end would join the text that
 * follows there, `$$` and `$&` are patterns of JavaScript's `replace`, and a backslash at the end
 * would escape the next character.
 */
const expandable = /\$(?:[A-Za-z_{}($&'`]|$)|\\(?:\$|$)/;

const write: Writer['write'] = (line, value) =>
  expandable.test(value) ? { reason: 'expansion' } : writeForNode(line, value);

/**
 * Whether dotenv-expand may give a `$` or a backslash of the value a new meaning. dotenv-expand
 * replaces a name by its value, searches the result again, and then runs the commands in it. A `$`
 * is loose at the end, and before a command, another `$`, a replacement pattern (`$&`) or an
 * incomplete name. A backslash is loose if it may become an escape. A number sign counts as the
 * end, because npm dotenv cuts a bare value there.
 *
 * In other values, every `$` is followed by a letter, a brace or a character without meaning. That
 * stays true after such values have been inserted into each other, so no text becomes a new name or
 * a new command.
 */
const isLoose = (raw: string): boolean =>
  /\$(?:[$(&'`}]|\{(?![A-Za-z_]\w*[}:+-])|\s*(?:#|$))|\\(?:[$}]|\s*(?:#|$))/.test(raw);

const namesReadBy = (raw: string): string[] =>
  [...raw.matchAll(/\$\{?([A-Za-z_]\w*)/g)].map(([, name = '']) => name);

/**
 * The first unchanged line that dotenv-expand could combine with another one: a loose line whose
 * key another line refers to, or, if any line refers to a name, a line that may absorb the text of
 * others. A loose line that no other line refers to is its author's responsibility.
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

const reads = (line: Line, marked: boolean): Reading => {
  const raw = line.kind === 'assignment' ? line.value.raw : '';
  return isLoose(raw) && namesReadBy(raw).length > 0 ? 'whole file' : readByNode(line, marked);
};

/** dotenv-expand interpolates in any quotes. npm dotenv ends a bare value at its first `#`. */
const expands: Writer['expands'] = (line) =>
  /(?<!\\)\$(?:\{?[A-Za-z_]|\()/.test(withOwnComment(line).value.raw);

export const dotenv: Writer = {
  write,
  expands,
  ...checksOf({ reads, clash: clashAmong, unfit: unfitForNode }),
};
