/** Prints errors of files for people, and for editors that jump to `file:line:column`. */

import { sentenceOf } from '../../system/file-sentences.ts';
import type { Report } from '../../system/problem-report.ts';

/** One line for each error of the report, and a line with the number of omitted errors. */
export const reportLines = (report: Report, file = 'file'): string[] => {
  const errors = ('errors' in report && report.errors) || [];
  const total = ('errorsTotal' in report && report.errorsTotal) || errors.length;
  const lines = errors.map(
    (error) => `${file}:${error.line}:${error.column}: ${sentenceOf(error)} [${error.code}]`,
  );
  return total > errors.length ? [...lines, `and ${total - errors.length} more`] : lines;
};

export const warningLine = (
  { line, code }: { readonly line: number; readonly code: string },
  file: string,
): string => `${file}:${line}: warning: ${sentenceOf({ code })} [${code}]`;
