import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { startProgram } from '../../host/process/supervisor.ts';
import { type Dsvault, openDsvault } from './dsvault.ts';
import { endAfterTest } from './left-processes.ts';
import { freshFolder } from './local-process.ts';
import type { RunningVault } from './running-vault.ts';
import { until, untilSeen } from './until.ts';

export type ConsoleProcess = {
  /** The address of the console: `http://127.0.0.1:PORT`. */
  readonly url: string;
  /** The path of the file that opens the console in a browser, with a code for a new session. */
  readonly launcher: string;
  /** Reads the code that is in the launcher file at the moment. */
  readonly code: () => string;
  /**
   * Presses Enter in the console's terminal, and returns the new code that the console then makes.
   */
  readonly newCode: () => Promise<string>;
  /** Runs `dsvault` with the same vault and token. */
  readonly dsvault: Dsvault;
  /** The process. `output` returns everything that it has written so far. */
  readonly child: ChildProcess;
  readonly output: () => string;
  /** Sends the signal to the console, and returns its exit code once it has ended. */
  readonly end: (signal?: NodeJS.Signals) => Promise<number | null>;
};

/** The vault that a console uses: `npm start`, or one node of a cluster. */
export type ConsoleVault = Pick<RunningVault, 'baseUrl' | 'token' | 'dataDir'>;

/**
 * Starts `dsvault console` without opening a browser. By default its token allows everything in the
 * tenant of the vault. Throws with its output if it does not start to serve.
 */
export const startConsoleProcess = async (
  vault: ConsoleVault,
  {
    token = vault.token(),
    args = ['--no-open'],
    env = {},
    program = resolve('cli/dsvault.js'),
  }: {
    readonly token?: string;
    readonly args?: readonly string[];
    readonly env?: NodeJS.ProcessEnv;
    readonly program?: string;
  } = {},
): Promise<ConsoleProcess> => {
  const settings = {
    DSVAULT_ADDR: vault.baseUrl(),
    DSVAULT_TOKEN: token,
    VAULT_DATA_DIR: vault.dataDir,
    ...env,
  };
  const { PATH } = process.env;
  const HOME = freshFolder();
  const child = startProgram(program, ['console', ...args], {
    env: { PATH, HOME, ...settings },
    stdio: 'pipe',
  });
  endAfterTest(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (text) => {
      output += text;
    });
  }
  const ended = once(child, 'close').then(([code]) => code as number | null);
  let hasEnded = false;
  void ended.then(() => {
    hasEnded = true;
  });
  await until(() => hasEnded || output.includes('press Enter'), 30_000).catch(() => child.kill());
  await (child.killed && ended);
  if (hasEnded) throw new Error(`dsvault console has ended: ${output}`);
  const folder = join(HOME, '.config/dsvault');
  const launcher = join(folder, readdirSync(folder).join());
  const read = () => readFileSync(launcher, 'utf8');
  const code = () => /#code=([\w.-]+)/.exec(read())?.[1] ?? '';
  return {
    url: /url=(http:\/\/127\.0\.0\.1:\d+)\//.exec(read())?.[1] ?? '',
    launcher,
    code,
    newCode: () => {
      const old = code();
      child.stdin?.write('\n');
      return untilSeen(code, (present) => present !== old);
    },
    dsvault: openDsvault(settings),
    child,
    output: () => output,
    end: (signal = 'SIGTERM') => {
      child.kill(signal);
      return ended;
    },
  };
};
