/**
 * The logs that a command line names: files, the logs of a stack on AWS, or those of a vault on
 * this machine.
 */
import { failure, usage } from '../../system/failures.ts';
import { linesOfFile, linesOfLog, linesOfStdin } from '../../system/log-files.ts';
import { looksLikeRequest, parseLine, parseNumber } from '../../system/log-lines.ts';
import { createFindLocal, findLocalVaults, knowsCheckout } from '../requests/local-vaults.ts';
import { linesOfStack } from './cloudwatch-insights.ts';
import type { LogRange } from './log-reading.ts';

export type LogSource = {
  readonly aws?: string | undefined;
  readonly file?: readonly string[] | undefined;
  readonly for?: string | undefined;
};

/**
 * Returns one log for each process of the vault, or for each named file. For a stack on AWS,
 * returns a single log, which has only the lines that contain the texts of `holds`, or the text
 * `or`. Throws if the user names several sources. If none of them is a file or a stack, also throws
 * unless exactly one vault with a log, of the name `for` if that is given, runs on this machine.
 */
export const logsOf = async (
  { aws, file, for: name }: LogSource,
  holds: readonly string[],
  range: LogRange,
  or?: string,
): Promise<readonly AsyncIterable<string>[]> => {
  if ([aws, file, name].filter((source) => source !== undefined).length > 1) {
    throw usage('give one of --for, --file and --aws');
  }
  if (aws !== undefined) return [linesOfStack(aws, holds, range, or)];
  if (file !== undefined) return logsOfFiles(file);
  const vaults = (await findLocalVaults()).flatMap(({ name: own, nodes }) => {
    const logs = nodes.flatMap(({ log }) => log ?? []);
    return logs.length > 0 && (name === undefined || own === name) ? { own, logs } : [];
  });
  const [vault, ...others] = vaults;
  if (vault === undefined) {
    throw usage(
      knowsCheckout()
        ? 'no vault with a log runs on this machine: name --file or --aws'
        : 'the vaults of this machine need their checkout: name its folder in DSVAULT_CHECKOUT, or give --file or --aws',
    );
  }
  if (others.length > 0) throw usage(`several vaults run here: name one with --for`);
  return vault.logs.map((log) => linesOfLog(log));
};

const logsOfFiles = (files: readonly string[]): readonly AsyncIterable<string>[] => {
  if (new Set(files).size < files.length) throw usage('--file names a file twice');
  return files.map((file) =>
    file === '-' ? linesOfVault(linesOfStdin(), 'stdin') : linesOfVault(linesOfFile(file), file),
  );
};

/**
 * Yields the lines, and at the end throws unless a vault has written one of them: a wrong file must
 * not look like a log in which nothing happened.
 */
async function* linesOfVault(lines: AsyncIterable<string>, file: string): AsyncGenerator<string> {
  let isOfVault = false;
  for await (const line of lines) {
    isOfVault ||= Boolean(parseLine(line) ?? parseNumber(line)) || looksLikeRequest(line);
    yield line;
  }
  if (isOfVault) return;
  throw failure(`${file} has no line that a vault wrote: check the file`, { kind: 'invalidFile' });
}

/**
 * The logs in `files`. Without `files`, the logs of the vault at `addr` if it runs on this machine,
 * otherwise none.
 */
export const logsBeside = async (
  addr: string,
  files: readonly string[] | undefined,
): Promise<readonly AsyncIterable<string>[]> => {
  if (files !== undefined) return logsOfFiles(files);
  const vault = await createFindLocal(addr, findLocalVaults)();
  return (vault?.nodes ?? []).flatMap(({ log }) => (log === null ? [] : linesOfLog(log)));
};
