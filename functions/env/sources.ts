/** Where the value of each `enc(NAME)` comes from: the request, or an assignment in the file. */
import { partsOf } from './candidates.ts';
import type { Line } from './grammar.ts';
import type { Fault } from './places.ts';
import type { References, ScannedLine } from './scan.ts';

export type NewSecret = { readonly name: string; readonly value: string };

export type Sources = {
  /** In the order of the first `enc()` of each. */
  readonly create: readonly NewSecret[];
  /** The assignments whose values are stored, and under which name. */
  readonly lines: ReadonlyMap<Line, string>;
  readonly faults: readonly Fault[];
};

/** Never throws; what cannot be found, or is found twice and differs, is a fault. */
export const findSources = (
  references: References,
  values: ReadonlyMap<string, string>,
): Sources => {
  const create: NewSecret[] = [];
  const lines = new Map<Line, string>();
  const faults: Fault[] = [];
  for (const [name, offset] of references.enc) {
    const given = values.get(name);
    const source = references.assignments.get(name);
    const literal = source && literalOf(source);
    if (given !== undefined && literal !== undefined && given !== literal) {
      faults.push({ offset, code: 'ambiguous_value' });
    }
    const value = given ?? literal;
    if (value !== undefined) create.push({ name, value });
    else if (!references.unreadableKeys.has(name)) faults.push(...missing(name, offset, source));
    if (source && literal !== undefined) lines.set(source.line, name);
  }
  for (const name of values.keys()) {
    if (!references.enc.has(name)) faults.push({ offset: 0, code: 'unused_value' });
  }
  return { create, lines, faults };
};

/** The value of an assignment that holds no reference, as it is meant. */
const literalOf = ({ line, candidates }: ScannedLine): string | undefined =>
  candidates.some(({ kind }) => kind !== 'text')
    ? undefined
    : partsOf(line.value.decoded, candidates, true).join('');

/** Why there is no value; nothing more is said of a line that is reported already. */
const missing = (name: string, offset: number, source: ScannedLine | undefined): Fault[] => {
  if (source === undefined) return [{ offset, code: 'unresolved_value' }];
  const { candidates, offsets, line } = source;
  if (candidates.some(({ kind }) => kind === 'malformed')) return [];
  if (line.value.decoded === `enc(${name})`) return [{ offset, code: 'unresolved_value' }];
  const first = candidates.findIndex(({ kind }) => kind !== 'text');
  return [{ offset: offsets[first] ?? offset, code: 'nested_reference' }];
};
