/**
 * The failures of all programs of this checkout. A program that cannot do its work ends with one sentence for a person
 * and an exit code.
 */
import { types } from 'node:util';

/** An error that is no bug: its message is the whole sentence for a person. */
export type Failure = Error & { readonly name: 'Failure'; readonly exitCode: number };

/**
 * Creates the error of a program that cannot do its work; the sentence says why. Exit code 2 means that the command line
 * is wrong.
 */
export const failure = (
  sentence: string,
  options: { readonly exitCode?: number; readonly cause?: unknown } = {},
): Failure =>
  Object.assign(new Error(sentence, { cause: options.cause }), {
    name: 'Failure' as const,
    exitCode: options.exitCode ?? 1,
  });

export const isFailure = (error: unknown): error is Failure =>
  types.isNativeError(error) && error.name === 'Failure';

/** Returns the sentence of any error, as a part of another sentence. */
export const sentenceOf = (error: unknown): string =>
  types.isNativeError(error) ? error.message : String(error);

/** Returns the code that Node gives to an error of the operating system, such as `EADDRINUSE`. */
export const codeOf = (error: unknown): string | undefined =>
  types.isNativeError(error) && 'code' in error && typeof error.code === 'string'
    ? error.code
    : undefined;
