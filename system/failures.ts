/**
 * The failures of all programs of this checkout. A program that cannot do its work ends with a
 * message for people, an exit code and, with `dsvault --json`, a document. None of them repeats a
 * stored value, or typed text that may be a value in the wrong place.
 */
import { types } from 'node:util';
import type { VaultError } from '../client/errors.ts';
import type { Report } from './problem-report.ts';

/**
 * The exit code, and the code in the document, of each kind of failure. Programs other than
 * `dsvault` and the GitHub Action use hardly more than `other`, `usage` and `misconfigured`.
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
  /** A check that has found what it looks for. */
  found: [9, 'found'],
  /**
   * The kind for a server that cannot start because of its settings or files. Its exit code is
   * EX_CONFIG of sysexits.h.
   */
  misconfigured: [78, 'misconfigured'],
  /**
   * The failures of `dsvault run` have only these three exit codes, which `env` and `timeout` use
   * too.
   */
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

/** An error that is not a bug. Its message is a complete sentence for people. */
export type Failure = Error & {
  readonly name: 'Failure';
  readonly exitCode: ExitCode;
  readonly report: Report;
  /** The `.env` file whose errors the report lists, by the name that the user gave for it. */
  readonly file: string | undefined;
  /** Set if the vault shows no secret of a name that the user may have misspelt. */
  readonly missing?: Missing | undefined;
};

type Missing = {
  /** The name in the command line; `undefined` if the report lists names of a file. */
  readonly name: string | undefined;
  /** Lists the names that the caller's token may list, with a single request. */
  readonly findNames: () => Promise<readonly string[]>;
};

const make = (exitCode: ExitCode, report: Report, file?: string, cause?: unknown): Failure =>
  Object.assign(new Error(report.detail, { cause }), {
    name: 'Failure' as const,
    exitCode,
    report,
    file,
  });

type Options = { readonly kind?: Kind; readonly cause?: unknown };

/**
 * Creates the failure of a program. The sentence says why it ends, and must not contain a value.
 */
export const failure = (detail: string, { kind = 'other', cause }: Options = {}): Failure => {
  const [exitCode, code] = kinds[kind];
  return make(exitCode, { code, detail }, undefined, cause);
};

/** Creates the failure for a wrong command line or setting. */
export const usage = (detail: string, cause?: unknown): Failure =>
  failure(detail, { kind: 'usage', cause });

/**
 * Creates the failure of a program that cannot start because of its settings, its key or its
 * folder. Starting it again cannot help, so its service is not restarted.
 */
export const misconfigured = (detail: string, cause?: unknown): Failure =>
  failure(detail, { kind: 'misconfigured', cause });

export const isFailure = (error: unknown): error is Failure =>
  types.isNativeError(error) && error.name === 'Failure';

/**
 * Which exit code of `dsvault` a problem document of the vault leads to, by the document's code.
 * Codes that are not listed lead to `other`.
 */
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

/** Makes the failure for a problem document that the server returned. */
export const refusal = (problem: Report, file?: string): Failure =>
  make(
    problemCodes.find(([, codes]) => codes.includes(problem.code))?.[0] ?? exitCodes.other,
    problem,
    file,
  );

/** Makes the failure for an error that the vault's client threw. */
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

/** The lines about a bug: its stack without the message, which may quote typed text. */
export const defectLines = (program: string, error: unknown): readonly string[] => {
  const frames = (error instanceof Error ? (error.stack ?? '') : '').match(/^ +at .*$/gm) ?? [];
  return [`a defect of ${program} (${systemCodeOf(error)})`, ...frames.slice(0, 5)];
};

/**
 * Returns the same failure with a sentence for users of `dsvault`, because the server's sentence is
 * for users of HTTP.
 */
export const inOtherWords = (
  { exitCode, report, file, missing }: Failure,
  sentence: string,
): Failure => Object.assign(make(exitCode, report, file), { message: sentence, missing });

/**
 * Runs `action`. If it is refused with this code and because of this `field`, the failure gets the
 * sentence for users of `dsvault`. Without `field`, that applies only to refusals that name no
 * field. All others keep the server's sentence.
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

/** Returns the message of any error, as part of another sentence. */
export const sentenceOf = (error: unknown): string =>
  types.isNativeError(error) ? error.message : String(error);

/** Returns Node's code for an error of the operating system, such as `EADDRINUSE`. */
export const codeOf = (error: unknown): string | undefined =>
  types.isNativeError(error) && 'code' in error && typeof error.code === 'string'
    ? error.code
    : undefined;

/**
 * Returns the code that `codeOf` finds, for use in a sentence, or `unknown error`. The error's own
 * message is not used, because it may quote typed text.
 */
export const systemCodeOf = (error: unknown): string => codeOf(error) ?? 'unknown error';
