/**
 * Prints failures and warnings to stderr: lines for people and editors, or one document with
 * `--json`.
 */

import { isVaultError } from '../../client/errors.ts';
import { defectLines, type Failure, failureOf, isFailure } from '../../system/failures.ts';
import { fileSentence } from '../../system/file-sentences.ts';
import type { FileError, Report } from '../../system/problem-report.ts';
import { jsonOf, note, noteLine, wantsJson } from './output.ts';

/** Reports an error, and returns the exit code. */
export const reportFailure = (error: unknown): number => {
  const failed = isVaultError(error) ? failureOf(error) : error;
  if (!isFailure(failed)) {
    const [sentence = '', ...frames] = defectLines('dsvault', error);
    note(sentence);
    for (const frame of frames) noteLine(frame);
    return 1;
  }
  const { exitCode, report, file } = failed;
  if (exitCode === 0) return exitCode;
  if (wantsJson()) {
    process.stderr.write(jsonOf(report));
    return exitCode;
  }
  for (const line of reportLines(report, file)) noteLine(line);
  note(sentenceOf(failed));
  return exitCode;
};

const sentenceOf = ({ message, report }: Failure): string => {
  const { code, requestId, currentVersion, limit } = report;
  const facts = [
    code,
    currentVersion !== undefined && `current version ${currentVersion}`,
    limit !== undefined && `limit ${limit}`,
    requestId !== undefined && `request ${requestId}`,
  ].filter((fact) => fact !== false);
  const advice = /^cannot reach https?:\S+ \(\w+\)$/.test(message)
    ? ': dsvault doctor looks for the cause'
    : '';
  return `${message}${advice} (${facts.join(', ')})`;
};

/**
 * One line for each error of the report, and a line with the number of omitted errors. Without a
 * `file`, `dsvault` made the text itself, so a position in it would tell the user nothing.
 */
export const reportLines = (report: Report, file?: string): string[] => {
  const { errors = [], errorsTotal = errors.length } = report;
  const lines = errors.map((error) => {
    const from = error.file ?? file;
    const place = from === undefined ? '' : `${from}:${error.line}:${error.column}: `;
    return `${place}${fileSentence(error)} [${error.code}]`;
  });
  const more = errorsTotal - errors.length;
  return more > 0 ? [...lines, `and ${more} more`] : lines;
};

type Warning = Pick<FileError, 'line' | 'code' | 'key' | 'dialect'>;

export const noteWarnings = (warnings: readonly Warning[], file: string): void => {
  for (const { line, code, key, dialect } of warnings) {
    noteLine(`${file}:${line}: warning: ${fileSentence({ code, key, dialect })} [${code}]`);
  }
};
