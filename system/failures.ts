/**
 * The failures of all programs of this checkout. A program that cannot do its work ends with one sentence for
 * a person, one exit code, and, for `dsvault --json`, one document. None of them repeats typed or stored
 * text, because a value may have been typed in the wrong place.
 */
import { types } from 'node:util';
import type { VaultError } from '../client/errors.ts';
import type { Report } from './problem-report.ts';

/** Other programs than `dsvault` use `other` and `usage` alone. */
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
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

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

/** An error that is no bug: its message is the whole sentence for a person. */
export type Failure = Error & {
  readonly name: 'Failure';
  readonly exitCode: ExitCode;
  /** The document for a program. */
  readonly report: Report;
  /** The user's name of the file that has the errors of the report. */
  readonly file: string | undefined;
};

const make = (exitCode: ExitCode, report: Report, file?: string, cause?: unknown): Failure =>
  Object.assign(new Error(report.detail, { cause }), {
    name: 'Failure' as const,
    exitCode,
    report,
    file,
  });

type Options = { readonly kind?: keyof typeof exitCodes; readonly cause?: unknown };

/** Creates the failure of a program. The sentence says why it ends, and must not hold a value. */
export const failure = (detail: string, { kind = 'other', cause }: Options = {}): Failure =>
  make(exitCodes[kind], { code: codes[exitCodes[kind]], detail }, undefined, cause);

/** Creates the failure for a wrong command line or setting. */
export const usage = (detail: string, cause?: unknown): Failure =>
  failure(detail, { kind: 'usage', cause });

export const isFailure = (error: unknown): error is Failure =>
  types.isNativeError(error) && error.name === 'Failure';

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
  const { message: detail, status, retryable } = error;
  if (error.code !== 'unexpected_reply')
    return failure(detail, { kind: 'unavailable', cause: error });
  return refusal({ code: retryable ? 'store_unavailable' : error.code, detail, status, retryable });
};

/** The same failure with a sentence for users of `dsvault`. The server's sentence is for users of HTTP. */
export const inOtherWords = ({ exitCode, report, file }: Failure, sentence: string): Failure =>
  Object.assign(make(exitCode, report, file), { message: sentence });

/** Returns the sentence of any error, as a part of another sentence. */
export const sentenceOf = (error: unknown): string =>
  types.isNativeError(error) ? error.message : String(error);

/** Returns the code that Node gives to an error of the operating system, such as `EADDRINUSE`. */
export const codeOf = (error: unknown): string | undefined =>
  types.isNativeError(error) && 'code' in error && typeof error.code === 'string'
    ? error.code
    : undefined;

/** Returns the same for a sentence. The error's own message may quote text. */
export const systemCodeOf = (error: unknown): string => codeOf(error) ?? 'unknown error';
