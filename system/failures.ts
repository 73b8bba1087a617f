/**
 * The failures of all programs of this checkout. A program that cannot do its work ends with one sentence for
 * a person, one exit code, and, for `dsvault --json`, one document. None of them repeats typed or stored
 * text, because a value may have been typed in the wrong place.
 */
import { types } from 'node:util';
import type { VaultError } from '../client/errors.ts';
import type { Report } from './problem-report.ts';

/**
 * The exit code and the code in the document of each kind of failure. Other programs than `dsvault` use
 * `other` and `usage` alone.
 */
const kinds = {
  ok: [0, 'ok'],
  other: [1, 'failed'],
  usage: [2, 'usage'],
  notFound: [3, 'not_found'],
  conflict: [4, 'conflict'],
  denied: [5, 'unauthenticated'],
  invalidFile: [6, 'invalid_file'],
  unavailable: [7, 'unreachable'],
  masterKey: [8, 'master_key_unavailable'],
  precondition: [9, 'version_conflict'],
  /** The exit codes of `env` and `timeout`. No failure of `run` has another. */
  run: [125, 'failed'],
  programUnusable: [126, 'program_unusable'],
  programMissing: [127, 'program_not_found'],
  /** The exit code of a shell for a program that Ctrl-C ended. */
  interrupted: [130, 'interrupted'],
} as const;
type Kind = keyof typeof kinds;

export const exitCodes = Object.fromEntries(
  Object.entries(kinds).map(([kind, [exitCode]]) => [kind, exitCode]),
) as { readonly [kind in Kind]: (typeof kinds)[kind][0] };
export type ExitCode = (typeof exitCodes)[Kind];

/** An error that is no bug: its message is the whole sentence for a person. */
export type Failure = Error & {
  readonly name: 'Failure';
  readonly exitCode: ExitCode;
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

type Options = { readonly kind?: Kind; readonly cause?: unknown };

/** Creates the failure of a program. The sentence says why it ends, and must not hold a value. */
export const failure = (detail: string, { kind = 'other', cause }: Options = {}): Failure => {
  const [exitCode, code] = kinds[kind];
  return make(exitCode, { code, detail }, undefined, cause);
};

/** Creates the failure for a wrong command line or setting. */
export const usage = (detail: string, cause?: unknown): Failure =>
  failure(detail, { kind: 'usage', cause });

export const isFailure = (error: unknown): error is Failure =>
  types.isNativeError(error) && error.name === 'Failure';

/** The codes of problem documents by the exit code of `dsvault`; any other code is `other`. */
const problemCodes: readonly (readonly [exitCode: ExitCode, codes: readonly string[]])[] = [
  [exitCodes.usage, ['invalid_request']],
  [exitCodes.notFound, ['not_found', 'pin_mismatch', 'version_destroyed']],
  [
    exitCodes.conflict,
    ['secret_exists', 'version_current', 'not_destroyable', 'idempotency_key_reused'],
  ],
  [exitCodes.denied, ['unauthenticated', 'forbidden']],
  [exitCodes.invalidFile, ['invalid_env', 'too_large']],
  [exitCodes.unavailable, ['request_timeout', 'throttled', 'outcome_unknown']],
  [exitCodes.unavailable, ['store_unavailable', 'identity_unavailable']],
  [exitCodes.masterKey, ['master_key_incorrect', 'master_key_unavailable']],
  [exitCodes.precondition, ['version_conflict']],
];

/** The failure for a problem document of the server. */
export const refusal = (problem: Report, file?: string): Failure =>
  make(
    problemCodes.find(([, codes]) => codes.includes(problem.code))?.[0] ?? exitCodes.other,
    problem,
    file,
  );

/** The failure for an error of the client. */
export const failureOf = (error: VaultError): Failure => {
  if (error.code === 'route_not_found') return refusal({ ...error.problem, detail: unknownRoute });
  if (error.problem) return refusal(error.problem);
  const { message: detail, status, retryable } = error;
  if (error.code !== 'unexpected_reply')
    return failure(detail, { kind: 'unavailable', cause: error });
  return refusal({ code: retryable ? 'store_unavailable' : error.code, detail, status, retryable });
};

const unknownRoute =
  'the vault has no such route: upgrade the vault to the release of this program, or correct its address';

/** The failure that an error is; `undefined` for an error that is a bug. */
export const failureIn = (error: unknown): Failure | undefined => {
  // By its name, because the image of a node has this file and no file of the client.
  if (types.isNativeError(error) && error.name === 'VaultError') {
    return failureOf(error as VaultError);
  }
  return isFailure(error) ? error : undefined;
};

/** The lines about a bug. The message of the error may quote typed text. The frames cannot. */
export const defectLines = (program: string, error: unknown): readonly string[] => {
  const frames = (error instanceof Error ? (error.stack ?? '') : '').match(/^ +at .*$/gm) ?? [];
  return [`a defect of ${program} (${systemCodeOf(error)})`, ...frames.slice(0, 5)];
};

/** The same failure with a sentence for users of `dsvault`. The server's sentence is for users of HTTP. */
export const inOtherWords = ({ exitCode, report, file }: Failure, sentence: string): Failure =>
  Object.assign(make(exitCode, report, file), { message: sentence });

/**
 * Runs `action`. A refusal with this code has the sentence for users of `dsvault`, if it names `field`, or none
 * by default. A refusal that names another field keeps the server's own.
 */
export const withSentence = async <Result>(
  code: string,
  sentence: string,
  action: () => Promise<Result>,
  field?: string,
): Promise<Result> => {
  try {
    return await action();
  } catch (error) {
    const isMeant = isFailure(error) && error.report.code === code && error.report.field === field;
    throw isMeant ? inOtherWords(error, sentence) : error;
  }
};

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
