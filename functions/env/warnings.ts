/**
 * Warns of stored values that are still visible in the file, and of lines that the reader may read
 * differently.
 */
import { limits } from '../model/limits.ts';
import { writerOf } from './dialects/dialect.ts';
import type { Plan } from './plan.ts';
import { utf8Bytes } from './sizes.ts';

/**
 * A warning about one line. `line` is its number in the submitted file, even if the reply has fewer
 * lines.
 */
export type Warning = {
  readonly line: number;
  readonly code: 'value_elsewhere' | 'reader_disagrees';
};

export type WrittenLine = {
  readonly line: number;
  /** The text of the line, including its line ending. */
  readonly text: string;
  /** The decoded value of the line, if `text` may show it with escapes. */
  readonly decoded?: string;
};

/** The warnings in the order of lines, at most one of each code per line. */
export const warningsOf = (plan: Plan, written: readonly WrittenLine[]): Warning[] => {
  const elsewhere = valuesElsewhere(plan.create, written);
  const writer = writerOf(plan.dialect);
  const warnings: Warning[] = [];
  for (const { line, candidates, treatment } of plan.lines) {
    if (treatment === 'keep' && candidates.length === 0 && writer.disagrees(plan.file, line)) {
      warnings.push({ line: line.line, code: 'reader_disagrees' });
    }
    if (elsewhere.has(line.line)) warnings.push({ line: line.line, code: 'value_elsewhere' });
  }
  return warnings;
};

/**
 * Returns the numbers of the lines on which one of these values begins, as written or decoded. Of a
 * long value, only the beginning is searched for.
 */
export const valuesElsewhere = (
  values: readonly { readonly value: string }[],
  written: readonly WrittenLine[],
): ReadonlySet<number> => {
  const lines = new Set<number>();
  const whole = written.map(({ text }) => text).join('');
  for (const { value } of values) {
    if (utf8Bytes(value) < limits.telltaleBytesMin) continue;
    const beginning = value.slice(0, limits.telltaleUnitsMax);
    let found = whole.indexOf(beginning);
    let end = 0;
    for (const { line, text, decoded } of written) {
      end += text.length;
      const isHere = found >= 0 && found < end;
      if (isHere || decoded?.includes(beginning)) lines.add(line);
      if (isHere) found = whole.indexOf(beginning, end);
    }
  }
  return lines;
};
