/** `dsvault`, the command line of the vault, which uses its HTTP API. */
import { CommanderError } from '@commander-js/extra-typings';
import { exitCodes } from '../system/failures.ts';
import { misuse } from './commands/command-line.ts';
import { reportFailure } from './output/print-failure.ts';
import { programFor } from './program.ts';
import { withSuggestions } from './requests/similar-names.ts';

/**
 * The exit code for a failure. The failures of `run` share one, because any other may come from its
 * program.
 */
const codeOf = (code: number): number =>
  process.argv[2] === 'run' && code !== exitCodes.ok ? exitCodes.run : code;

/**
 * Reports an error, and returns the exit code. Commander also throws when it shows help, which is a
 * failure if nobody asked for it.
 */
const endWith = (error: unknown): number => {
  if (!(error instanceof CommanderError)) return reportFailure(error);
  if (error.exitCode === 0) return exitCodes.ok;
  return error.code === 'commander.help' ? exitCodes.usage : reportFailure(misuse(error));
};

// Without this, Node would print the message of an uncaught error, which may quote a value.
process.on('uncaughtException', (error) => process.exit(codeOf(reportFailure(error))));

const main = async (): Promise<void> => {
  try {
    await (await programFor(process.argv[2])).parseAsync();
  } catch (error) {
    process.exitCode = codeOf(endWith(await withSuggestions(error)));
  }
};
void main();
