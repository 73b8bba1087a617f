/** The lines of log files, with failures of `dsvault`. */
import * as files from '../../system/log-files.ts';
import { ofCheckout } from '../../system/program-failures.ts';

async function* told(lines: AsyncIterable<string>): AsyncGenerator<string> {
  try {
    yield* lines;
  } catch (error) {
    throw ofCheckout(error);
  }
}

/** As `linesOfStdin` of system/. */
export const linesOfStdin = (): AsyncGenerator<string> => told(files.linesOfStdin());

/** As `linesOfFile` of system/. */
export const linesOfFile = (file: string): AsyncGenerator<string> => told(files.linesOfFile(file));

/** As `linesOfLog` of system/. */
export const linesOfLog = (file: string, signal?: AbortSignal): AsyncGenerator<string> =>
  told(files.linesOfLog(file, signal));
