/** `dsvault console` as a process. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { startProgram } from '../../local/process/supervisor.ts';
import { type Dsvault, openDsvault } from './dsvault.ts';
import { endAfterTest } from './left-processes.ts';
import { freshFolder } from './local-process.ts';
import type { RunningVault } from './running-vault.ts';
import { until, untilSeen } from './until.ts';

/** A running `dsvault console`. */
export type ConsoleProcess = {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  /** The file that redirects a browser to a new code. */
  readonly launcher: string;
  /** The code in that file. */
  readonly code: () => string;
  /** Presses Enter, and returns the new code. */
  readonly newCode: () => Promise<string>;
  /** `dsvault` for the same vault and token. */
  readonly dsvault: Dsvault;
  /** The process, and all that it has written. */
  readonly child: ChildProcess;
  readonly output: () => string;
  /** Asks it to end, and returns its exit code. */
  readonly end: (signal?: NodeJS.Signals) => Promise<number | null>;
};

/** The vault of a console: `npm start`, or a cluster by one of its nodes. */
export type ConsoleVault = Pick<RunningVault, 'baseUrl' | 'token' | 'dataDir'>;

/**
 * Starts `dsvault console` for a vault, by default with a token for everything in the vault's own tenant and without a
 * browser. Throws with its output if it does not serve.
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
