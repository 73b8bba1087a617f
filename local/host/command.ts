/** The commands of this folder end with one sentence for a person on stderr, and an exit code. */
import { types } from 'node:util';

/**
 * Creates the error of a command that cannot be done; the sentence says why. Exit code 2 means that the command line is
 * wrong.
 */
export const failure = (
  sentence: string,
  options: { readonly exitCode?: 1 | 2; readonly cause?: unknown } = {},
): Error =>
  Object.assign(new Error(sentence, { cause: options.cause }), {
    name: 'Failure',
    exitCode: options.exitCode ?? 1,
  });

export const isFailure = (error: unknown): boolean =>
  types.isNativeError(error) && error.name === 'Failure';

/** Returns the sentence of any error, as a part of another sentence. */
export const sentenceOf = (error: unknown): string =>
  types.isNativeError(error) ? error.message : String(error);

/** Returns the code that Node gives to an error of the operating system, such as `EADDRINUSE`. */
export const codeOf = (error: unknown): string | undefined =>
  types.isNativeError(error) && 'code' in error && typeof error.code === 'string'
    ? error.code
    : undefined;

/** Runs a command to its end. An error that is not a failure is our bug; only such an error is shown with its stack. */
export const runCommand = async (command: () => Promise<void>): Promise<void> => {
  try {
    await command();
  } catch (error) {
    const isBug = types.isNativeError(error) && !isFailure(error);
    process.stderr.write(`${isBug ? error.stack : sentenceOf(error)}\n`);
    const isUsage = types.isNativeError(error) && 'exitCode' in error && error.exitCode === 2;
    process.exitCode = isUsage ? 2 : 1;
  }
};
