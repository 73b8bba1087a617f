/**
 * How `dsv` fails: one exit code for each kind of failure (docs/cli.md), one sentence for a person, one document
 * for a program. Nothing that was typed or stored stands in either: a value may be typed in the wrong place.
 */
import { types } from 'node:util';
import type { FileError, Problem } from './contract.ts';

export const exitCodes = {
  ok: 0,
  other: 1,
  usage: 2,
  notFound: 3,
  conflict: 4,
  denied: 5,
  invalidFile: 6,
  unavailable: 7,
  masterKey: 8,
  precondition: 9,
  /** As a shell tells that Ctrl-C ended a program. */
  interrupted: 130,
} as const;
type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** What `--json` prints on stderr: the server's problem as it came, or one of our own in its shape. */
export type Report = Problem | { readonly code: string; readonly detail: string };

/** `file`: the file that the errors of the report are of, as the user named it. */
export type Failure = Error & {
  readonly name: 'Failure';
  readonly exitCode: ExitCode;
  readonly report: Report;
  readonly file: string | undefined;
};

const make = (exitCode: ExitCode, report: Report, file?: string, cause?: unknown): Failure =>
  Object.assign(new Error(report.detail, { cause }), {
    name: 'Failure' as const,
    exitCode,
    report,
    file,
  });

const codes: Readonly<Record<ExitCode, string>> = {
  0: 'ok',
  1: 'failed',
  2: 'usage',
  3: 'not_found',
  4: 'conflict',
  5: 'unauthenticated',
  6: 'invalid_file',
  7: 'unreachable',
  8: 'master_key_unavailable',
  9: 'version_conflict',
  130: 'interrupted',
};

/** A failure that `dsv` itself met. The sentence must hold no value, and nothing that may be one. */
export const failure = (kind: keyof typeof exitCodes, detail: string, cause?: unknown): Failure =>
  make(exitCodes[kind], { code: codes[exitCodes[kind]], detail }, undefined, cause);

export const usage = (detail: string): Failure => failure('usage', detail);

const exitCodesOfProblems: ReadonlyMap<string, keyof typeof exitCodes> = new Map([
  ['invalid_request', 'usage'],
  ['not_found', 'notFound'],
  ['secret_exists', 'conflict'],
  ['idempotency_key_reused', 'conflict'],
  ['unauthenticated', 'denied'],
  ['forbidden', 'denied'],
  ['invalid_env', 'invalidFile'],
  ['too_large', 'invalidFile'],
  ['request_timeout', 'unavailable'],
  ['throttled', 'unavailable'],
  ['store_unavailable', 'unavailable'],
  ['identity_unavailable', 'unavailable'],
  ['outcome_unknown', 'unavailable'],
  ['master_key_incorrect', 'masterKey'],
  ['master_key_unavailable', 'masterKey'],
  ['version_conflict', 'precondition'],
] as const);

/** What the server refused. */
export const refusal = (problem: Problem, file?: string): Failure =>
  make(exitCodes[exitCodesOfProblems.get(problem.code) ?? 'other'], problem, file);

/** Errors of a file that were found here, in the shape of the server's problem. */
export const invalidFile = (
  { errors, errorsTotal }: { readonly errors: readonly FileError[]; readonly errorsTotal: number },
  file: string,
): Failure => {
  const detail = 'the file has errors';
  const report = { code: 'invalid_env', detail, errors: [...errors], errorsTotal };
  return make(exitCodes.invalidFile, report, file);
};

/** The same failure in a sentence for users of `dsv`, where the server's is for those of HTTP. */
export const inOtherWords = ({ exitCode, report, file }: Failure, sentence: string): Failure =>
  Object.assign(make(exitCode, report, file), { message: sentence });

export const isFailure = (error: unknown): error is Failure =>
  types.isNativeError(error) && error.name === 'Failure';

/** Runs `action`, and says of which file the errors are if it fails with some. */
export const ofFile = async <Result>(
  file: string,
  action: () => Promise<Result>,
): Promise<Result> => {
  try {
    return await action();
  } catch (error) {
    throw isFailure(error) ? make(error.exitCode, error.report, file, error) : error;
  }
};

/** The code that Node gives to an error of the operating system: `EACCES`. Never its message, which may quote. */
export const systemCodeOf = (error: unknown): string =>
  types.isNativeError(error) && 'code' in error && typeof error.code === 'string'
    ? error.code
    : 'unknown error';
