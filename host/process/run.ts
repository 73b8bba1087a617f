/** Runs other programs to their end. Returns their output, or throws a user-facing error. */
import { execFile } from 'node:child_process';
import { codeOf, failure, sentenceOf } from '../../system/failures.ts';
import { closeAtEnd } from './ending.ts';
import { programTimes } from './program-times.ts';
import { endChild } from './supervisor.ts';

export type RunOptions = {
  readonly cwd?: string;
  /** Variables that are set in addition to this process's own environment. */
  readonly env?: NodeJS.ProcessEnv;
  readonly timeoutMs?: number;
  readonly input?: string;
};

/** The last line of a program's output names its error; builds print pages before it. */
const lastWordsOf = (stderr: string, stdout: string): string | undefined =>
  `${stdout}\n${stderr}`
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .at(-1);

/**
 * Runs a program and returns its stdout, trimmed. Throws a user-facing error that ends with the
 * program's last line, or says that there is no such program or that it did not end in time.
 */
export const run = (
  program: string,
  args: readonly string[],
  { cwd, env, timeoutMs = programTimes.toolRunMs, input }: RunOptions = {},
): Promise<string> =>
  new Promise((resolve, reject) => {
    const options = {
      cwd,
      env: { ...process.env, ...env },
      timeout: timeoutMs,
      maxBuffer: 64 * 1024 * 1024,
    };
    const child = execFile(program, args, options, (error, stdout, stderr) => {
      takeBack();
      if (error === null) return resolve(stdout.trim());
      const missing = codeOf(error) === 'ENOENT' ? 'there is no such program' : undefined;
      const late =
        error.killed === true ? `it did not end within ${timeoutMs / 1_000} s` : undefined;
      const why = missing ?? late ?? lastWordsOf(stderr, stdout) ?? sentenceOf(error);
      reject(failure(`${program} ${args[0] ?? ''} failed: ${why}`, { cause: error }));
    });
    // Ends the child if this program must end before it. The callback above removes this again, and
    // not a listener for `exit`, because a program that cannot be found never emits `exit`.
    const takeBack = closeAtEnd(() => endChild(child, programTimes.toolEndMs));
    // A program may end without reading its input; only its exit code shows whether that is an
    // error.
    child.stdin?.on('error', () => undefined).end(input ?? '');
  });
