/** Runs the programs of `host/` and `local/` as separate processes and records their output. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { startProgram } from '../../host/process/supervisor.ts';
import { patienceMs } from './until.ts';

export type LocalProcess = {
  readonly child: ChildProcess;
  /** The lines that the process has written to stdout so far. `errors` has those on stderr. */
  readonly output: readonly string[];
  readonly errors: readonly string[];
  /**
   * Resolves with the exit code once the process has ended and its output has been read completely.
   */
  readonly exit: Promise<number | null>;
};

const endLimitMs = 60_000;
const listening = /^vault listening on (https?:\/\/127\.0\.0\.1:\d+)$/;

/**
 * The folder in which Node keeps the programs compiled and without types. That makes a start three
 * times as fast.
 */
export const compileCache = { NODE_COMPILE_CACHE: join(tmpdir(), 'node-code') };

export const freshFolder = (): string => mkdtempSync(join(tmpdir(), 'vault-test-'));

/** Returns the file of a program of `host/bin/` or `local/bin/`. */
const fileOf = (program: string): string =>
  [`host/bin/${program}.ts`, `local/bin/${program}.ts`].find((file) => existsSync(file)) ?? program;

/** Runs a program of `host/bin/` or `local/bin/` by its name. See `runFile`. */
export const runLocal = (
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): LocalProcess => runFile(fileOf(program), args, env);

/**
 * Runs a program with nothing of this process's environment except PATH and HOME. `env` adds to
 * them.
 */
export const runFile = (
  file: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): LocalProcess => {
  const { PATH, HOME } = process.env;
  const child = startProgram(process.execPath, [file, ...args], {
    env: { PATH, HOME, ...compileCache, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return recorded(child);
};

/** Records what a process prints from now on. */
export const recorded = (child: ChildProcess): LocalProcess => {
  const [output, errors]: [string[], string[]] = [[], []];
  if (child.stdout)
    createInterface({ input: child.stdout }).on('line', (line) => output.push(line));
  if (child.stderr)
    createInterface({ input: child.stderr }).on('line', (line) => errors.push(line));
  const exit = once(child, 'close').then(([code]) => code as number | null);
  return { child, output, errors, exit };
};

/**
 * Waits for a line on stdout that matches `pattern`, and returns its first capture. If none comes
 * in time, ends the process and throws with its whole output.
 */
export const lineOf = async (
  { child, output, errors, exit }: LocalProcess,
  pattern: RegExp,
  withinMs = patienceMs,
): Promise<string> => {
  const until = performance.now() + withinMs;
  const ended = exit.then(() => true as const);
  // A process may print the line just before it ends, so the loop looks once more after that.
  for (let isOver = false; ; ) {
    const captured = output.map((line) => pattern.exec(line)?.[1]).find(Boolean);
    if (captured !== undefined) return captured;
    if (isOver || performance.now() > until) break;
    const tick = new Promise<false>((wake) => setTimeout(wake, 10, false));
    isOver = await Promise.race([ended, tick]);
  }
  // Gives the process time to end what it has started, such as containers.
  child.kill('SIGTERM');
  const late = setTimeout(() => child.kill('SIGKILL'), endLimitMs);
  await exit;
  clearTimeout(late);
  throw new Error(`${pattern} was not printed:\n${[...output, ...errors].join('\n')}`);
};

/** Waits until a vault serves, and returns the address that it prints. */
export const addressOf = (vault: LocalProcess): Promise<string> => lineOf(vault, listening);
