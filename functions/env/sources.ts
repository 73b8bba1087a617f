/** Finds the value of each `enc(NAME)`: in the request, or in an assignment in the file. */
import { partsOf } from './candidates.ts';
import type { Line } from './grammar.ts';
import type { Fault } from './places.ts';
import type { References, ScannedLine } from './scan.ts';

export type NewSecret = { readonly name: string; readonly value: string };

export type Sources = {
  /** The new secrets, in the order of the first `enc()` of each. */
  readonly create: readonly NewSecret[];
  /** The assignments whose values are stored, with the name of the secret. */
  readonly lines: ReadonlyMap<Line, string>;
  readonly faults: readonly Fault[];
};

/** Never throws. A value that is missing, or has two different sources, is a fault in the result. */
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

/** The value of an assignment without references, with its escaped references made text. */
const literalOf = ({ line, candidates }: ScannedLine): string | undefined =>
  candidates.some(({ kind }) => kind !== 'text')
    ? undefined
    : partsOf(line.value.decoded, candidates, true).join('');

/** The fault of a missing value; none for a line that has been reported already. */
const missing = (name: string, offset: number, source: ScannedLine | undefined): Fault[] => {
  if (source === undefined) return [{ offset, code: 'unresolved_value' }];
  const { candidates, offsets, line } = source;
  if (candidates.some(({ kind }) => kind === 'malformed')) return [];
  if (line.value.decoded === `enc(${name})`) return [{ offset, code: 'unresolved_value' }];
  const first = candidates.findIndex(({ kind }) => kind !== 'text');
  return [{ offset: offsets[first] ?? offset, code: 'nested_reference' }];
};
