/**
 * Runs the script of the step. Only the script has the variables of the file in its environment.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';
import { environment } from '../system/environment.ts';
import { failure, systemCodeOf } from '../system/failures.ts';

/** How a step with `shell: bash` runs: the script ends at the first command that fails. */
const flags = ['--noprofile', '--norc', '-e', '-o', 'pipefail', '-c'];

/**
 * Runs the script to its end. Resolves to its exit code, which follows the shells' convention if a
 * signal ended it.
 */
export const runScript = (
  script: string,
  variables: ReadonlyMap<string, string>,
): Promise<number> =>
  new Promise((resolve, reject) => {
    const fail = (error: unknown) =>
      reject(failure(`bash cannot be run (${systemCodeOf(error)})`, { cause: error }));
    // When a job is cancelled, only this process gets the signals, perhaps immediately. It passes
    // them on to the script, which decides what they mean. No signal can be handled before the
    // child exists, because spawn does not yield to the event loop.
    let child: ChildProcess | undefined;
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.on(signal, () => child?.kill(signal));
    }
    try {
      const env = { ...inherited(), ...Object.fromEntries(variables) };
      child = spawn('bash', [...flags, script], { stdio: 'inherit', env });
      child.once('error', fail);
      child.once('close', (code, signal) => {
        resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
      });
    } catch (error) {
      // spawn throws some errors of the system, such as for an environment that is too long.
      fail(error);
    }
  });

/**
 * The environment without variables that only an action needs: its inputs, and the token of the
 * runner's services.
 */
const inherited = (): NodeJS.ProcessEnv =>
  Object.fromEntries(
    Object.entries(environment).filter(([name]) => !/^(INPUT_|ACTIONS_RUNTIME_)/.test(name)),
  );
