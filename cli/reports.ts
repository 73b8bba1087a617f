/** What a failure looks like on stderr: sentences for a person, or with `--json` one document. */
import { isFailure, systemCodeOf } from './failures.ts';
import { reportLines } from './file-errors.ts';
import { note, noteJson, noteLine } from './output.ts';

/**
 * Also before the command line was understood, so this looks for the flag itself; behind `--` stands the command of
 * another program.
 */
const wantsJson = (): boolean => {
  const end = process.argv.indexOf('--');
  return process.argv.slice(2, end < 0 ? undefined : end).includes('--json');
};

/** Tells what went wrong; answers the exit code. An error that is no failure is our bug: only its place is told. */
export const reportFailure = (error: unknown): number => {
  if (!isFailure(error)) {
    const stack = error instanceof Error ? (error.stack ?? '') : '';
    // The message may quote what was typed; the frames below it cannot.
    const frames = stack.split('\n').filter((line) => /^ +at /.test(line));
    note(`a defect of dsv (${systemCodeOf(error)})`);
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
  note(sentenceOf(report));
  return exitCode;
};

const sentenceOf = (report: { readonly code: string; readonly detail: string }): string => {
  const { code, detail, requestId, currentVersion, limit } = {
    requestId: undefined,
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
  return `${detail} (${facts.join(', ')})`;
};
