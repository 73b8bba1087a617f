/** Runs the script of the step, with the variables of the file in its environment and nowhere else. */
import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';
import { environment } from '../system/environment.ts';
import { failure, systemCodeOf } from '../system/failures.ts';

/** How a step with `shell: bash` runs: the script ends at the first command that fails. */
const flags = ['--noprofile', '--norc', '-e', '-o', 'pipefail', '-c'];

/** Runs the script to its end. Resolves to its exit code, by the rule of shells if a signal ended it. */
export const runScript = (
  script: string,
  variables: ReadonlyMap<string, string>,
): Promise<number> =>
  new Promise((resolve, reject) => {
    const fail = (error: unknown) =>
      reject(failure(`bash cannot be run (${systemCodeOf(error)})`, { cause: error }));
    // A cancelled job sends signals to this process alone, perhaps at once. The script decides what they
    // mean. No signal is handled before the child exists, because spawn takes no turn of the event loop.
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
      // Some errors of the system are thrown, such as an environment that is too long.
      fail(error);
    }
  });

/** The environment without what is for an action only: its inputs, and the token of the runner's services. */
const inherited = (): NodeJS.ProcessEnv =>
  Object.fromEntries(
    Object.entries(environment).filter(([name]) => !/^(INPUT_|ACTIONS_RUNTIME_)/.test(name)),
  );
