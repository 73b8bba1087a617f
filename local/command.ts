/** How the commands of this folder end: one sentence for a person on stderr, and an exit code. */
import { types } from 'node:util';

/** What was asked for cannot be done; the sentence says why. Exit code 2: the command line is wrong. */
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

/** The sentence of any error, for one that is part of another sentence. */
export const sentenceOf = (error: unknown): string =>
  types.isNativeError(error) ? error.message : String(error);

/** The code that Node gives to an error of the operating system: `EADDRINUSE`. */
export const codeOf = (error: unknown): string | undefined =>
  types.isNativeError(error) && 'code' in error && typeof error.code === 'string'
    ? error.code
    : undefined;

/** Runs a command to its end. Only an error that is no failure, so our bug, is shown with its stack. */
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
