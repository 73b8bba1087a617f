/** Prints failures and warnings on stderr: lines for people and editors, or one document with `--json`. */

import { type Failure, isFailure, systemCodeOf } from '../../system/failures.ts';
import { fileSentence } from '../../system/file-sentences.ts';
import type { Report } from '../../system/problem-report.ts';
import { note, noteJson, noteLine, wantsJson } from './output.ts';

/**
 * Reports an error, and returns the exit code. An error that is no failure is our bug: only its frames are
 * shown.
 */
export const reportFailure = (error: unknown): number => {
  if (!isFailure(error)) {
    const stack = error instanceof Error ? (error.stack ?? '') : '';
    // The message may quote typed text. The frames cannot.
    const frames = stack.split('\n').filter((line) => /^ +at /.test(line));
    note(`a defect of dsvault (${systemCodeOf(error)})`);
    for (const frame of frames.slice(0, 5)) noteLine(frame);
    return 1;
  }
  const { exitCode, report, file } = error;
  if (exitCode === 0) return exitCode;
  if (wantsJson()) {
    noteJson(report);
    return exitCode;
  }
  for (const line of reportLines(report, file)) noteLine(line);
  note(sentenceOf(error));
  return exitCode;
};

const sentenceOf = ({ message, report }: Failure): string => {
  const { code, requestId, field, currentVersion, limit } = {
    requestId: undefined,
    field: undefined,
    currentVersion: undefined,
    limit: undefined,
    ...report,
  };
  const facts = [
    code,
    currentVersion !== undefined && `current version ${currentVersion}`,
    limit !== undefined && `limit ${limit}`,
    requestId !== undefined && `request ${requestId}`,
  ].filter((fact) => fact !== false);
  return `${field === undefined ? '' : `${field}: `}${message} (${facts.join(', ')})`;
};

/** One line for each error of the report, and a line with the number of omitted errors. */
export const reportLines = (report: Report, file = 'file'): string[] => {
  const errors = ('errors' in report && report.errors) || [];
  const total = ('errorsTotal' in report && report.errorsTotal) || errors.length;
  const lines = errors.map(
    (error) => `${file}:${error.line}:${error.column}: ${fileSentence(error)} [${error.code}]`,
  );
  return total > errors.length ? [...lines, `and ${total - errors.length} more`] : lines;
};

export const warningLine = (
  { line, code }: { readonly line: number; readonly code: string },
  file: string,
): string => `${file}:${line}: warning: ${fileSentence({ code })} [${code}]`;
