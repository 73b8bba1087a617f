/**
 * The failures of `dsvault`. Each kind of failure has one exit code (docs/cli.md), one sentence for a person, and one
 * document for a program. Neither repeats typed or stored text, because a value may have been typed in the wrong place.
 */
import type { VaultError } from '../client/errors.ts';
import {
  type Failure as AnyFailure,
  failure as anyFailure,
  codeOf,
  isFailure as isAnyFailure,
} from './failures.ts';
import type { FileError, Report } from './problem-report.ts';

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
  /** These three are those of `env` and `timeout`, and no failure of `run` has another. */
  run: 125,
  programUnusable: 126,
  programMissing: 127,
  /** The exit code of a shell for a program that Ctrl-C ended. */
  interrupted: 130,
} as const;
type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** The meanings of the exit codes, as the help, the man page and docs/cli.md tell them. */
export const exitCodeMeanings: Readonly<Record<ExitCode, string>> = {
  0: 'done',
  1: 'another failure, such as a full disk; diff --exit-code found a difference',
  2: 'the command line, or a setting, is wrong',
  3: 'no such secret or version for this token, or its value was destroyed',
  4: 'it exists, it cannot be destroyed, or the idempotency key is taken',
  5: 'no token, a refused token, or a missing scope',
  6: 'the file has errors or names no secret, or a value is too large',
  7: 'out of reach, too slow, throttled, or outcome unknown: try again later',
  8: 'the master key cannot be used, or is another',
  9: 'the current version is not that of --if-version, or --max-age is exceeded',
  125: 'run itself failed: the code that it names says why',
  126: 'the program of run cannot be run',
  127: 'the program of run was not found',
  130: 'Ctrl-C at a prompt',
};

/** A failure. `file` is the user's name of the file that has the errors of the report. */
export type Failure = AnyFailure & {
  readonly exitCode: ExitCode;
  readonly report: Report;
  readonly file: string | undefined;
};

const make = (exitCode: ExitCode, report: Report, file?: string, cause?: unknown): Failure =>
  Object.assign(anyFailure(report.detail, { cause }), { exitCode, report, file });

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
  125: 'failed',
  126: 'program_unusable',
  127: 'program_not_found',
  130: 'interrupted',
};

/** A failure that `dsvault` itself found. The sentence must not hold a value, nor any text that may be one. */
export const failure = (kind: keyof typeof exitCodes, detail: string, cause?: unknown): Failure =>
  make(exitCodes[kind], { code: codes[exitCodes[kind]], detail }, undefined, cause);

export const usage = (detail: string): Failure => failure('usage', detail);

const exitCodesOfProblems: ReadonlyMap<string, keyof typeof exitCodes> = new Map([
  ['invalid_request', 'usage'],
  ['not_found', 'notFound'],
  ['version_destroyed', 'notFound'],
  ['secret_exists', 'conflict'],
  ['version_current', 'conflict'],
  ['not_destroyable', 'conflict'],
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

/** The failure for a problem document of the server. */
export const refusal = (problem: Report, file?: string): Failure =>
  make(exitCodes[exitCodesOfProblems.get(problem.code) ?? 'other'], problem, file);

/** The failure for an error of the client. */
export const failureOf = (error: VaultError): Failure => {
  if (error.problem) return refusal(error.problem);
  if (error.code !== 'unexpected_reply') return failure('unavailable', error.message, error);
  const { message: detail, status, retryable } = error;
  return refusal({ code: retryable ? 'store_unavailable' : error.code, detail, status, retryable });
};

/** The failure of a part that `dsvault` shares with the other programs, as one of `dsvault`. Other errors stay. */
export const ofCheckout = (error: unknown): unknown => {
  if (!isAnyFailure(error)) return error;
  const exitCode = error.exitCode as ExitCode;
  return make(exitCode, { code: codes[exitCode], detail: error.message }, undefined, error);
};

/** The failure for errors of a file that `dsvault` found, in the form of the server's problem. */
export const invalidFile = (
  { errors, errorsTotal }: { readonly errors: readonly FileError[]; readonly errorsTotal: number },
  file: string,
): Failure => {
  const detail = 'the file has errors';
  const report = { code: 'invalid_env', detail, errors: [...errors], errorsTotal };
  return make(exitCodes.invalidFile, report, file);
};

/** The same failure with a sentence for users of `dsvault`. The server's sentence is for users of HTTP. */
export const inOtherWords = ({ exitCode, report, file }: Failure, sentence: string): Failure =>
  Object.assign(make(exitCode, report, file), { message: sentence });

export const isFailure = (error: unknown): error is Failure =>
  isAnyFailure(error) && 'report' in error;

/** Runs `action`, which asks for a version. The vault does not tell whether the version or the secret is missing. */
export const ofVersion = async <Result>(
  { name, version }: { readonly name: string; readonly version: number | undefined },
  action: () => Promise<Result>,
): Promise<Result> => {
  try {
    return await action();
  } catch (error) {
    if (version === undefined || !isFailure(error) || error.report.code !== 'not_found')
      throw error;
    throw inOtherWords(error, `no version ${version} of ${name}, or no such secret`);
  }
};

/** Runs `action`, and adds the name of the file to its failure. */
export const ofFile = async <Result>(
  file: string,
  action: () => Promise<Result>,
): Promise<Result> => {
  try {
    return await action();
  } catch (error) {
    if (!isFailure(error)) throw error;
    const { exitCode, report, message } = error;
    throw Object.assign(make(exitCode, report, file, error), { message });
  }
};

/** Node's code for an error of the operating system, like `EACCES`. The message is not used, because it may quote text. */
export const systemCodeOf = (error: unknown): string => codeOf(error) ?? 'unknown error';
