/** Warnings: a stored value that is still visible in the file, or a line that the reader reads differently. */
import { limits } from '../model/limits.ts';
import { writerOf } from './dialects/dialect.ts';
import { searchFor } from './occurrences.ts';
import type { Plan } from './plan.ts';
import { utf8Bytes } from './sizes.ts';

/** `line` is the line number in the submitted file, even if the reply has fewer lines. */
export type Warning = {
  readonly line: number;
  readonly code: 'value_elsewhere' | 'reader_disagrees';
};

/** A line of the reply. */
export type WrittenLine = {
  /** The number of the line in the submitted file. */
  readonly line: number;
  /** The line as written, with its EOL. */
  readonly text: string;
  /** The value of the line, if the line shows it escaped. */
  readonly decoded?: string;
};

/** The warnings in the order of lines, at most one of each code for a line. */
export const warningsOf = (plan: Plan, written: readonly WrittenLine[]): Warning[] => {
  const elsewhere = valuesElsewhere(plan, written);
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

/** The lines on which a stored value begins, either in the written text or in the decoded value. */
const valuesElsewhere = (plan: Plan, written: readonly WrittenLine[]): ReadonlySet<number> => {
  const lines = new Set<number>();
  const stored = plan.create.map(({ value }) => value);
  const telltale = stored.filter((value) => utf8Bytes(value) >= limits.telltaleBytesMin);
  if (telltale.length === 0) return lines;
  const search = searchFor(telltale);
  const starts: number[] = [];
  let at = 0;
  for (const { text } of written) {
    starts.push(at);
    search.feed(text, (end, length) => {
      const line = written[lineAt(starts, at + end - length)];
      if (line) lines.add(line.line);
    });
    at += text.length;
  }
  for (const { line, decoded } of written) {
    if (decoded === undefined) continue;
    search.restart();
    search.feed(decoded, () => lines.add(line));
  }
  return lines;
};

/** The index of the last start that is not beyond `offset`. */
const lineAt = (starts: readonly number[], offset: number): number => {
  let low = 0;
  let high = starts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((starts[middle] ?? 0) <= offset) low = middle;
    else high = middle - 1;
  }
  return low;
};
