/** The programs of `local/` as separate processes with recorded output. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { startProgram } from '../../local/process/supervisor.ts';

export type LocalProcess = {
  readonly child: ChildProcess;
  /** The output so far, in order within each stream. */
  readonly output: readonly string[];
  readonly errors: readonly string[];
  /** The exit code, once the process has ended and its streams are completely read. */
  readonly exit: Promise<number | null>;
};

const startTimeoutMs = 45_000;
const endLimitMs = 60_000;
const listening = /^vault listening on (https?:\/\/127\.0\.0\.1:\d+)$/;

/** Node keeps the code of the programs there, compiled and without types, so that a start takes a third of its time. */
export const compileCache = { NODE_COMPILE_CACHE: join(tmpdir(), 'node-code') };

/** A folder that no other test uses. */
export const freshFolder = (): string => mkdtempSync(join(tmpdir(), 'vault-test-'));

/** Runs `local/bin/<program>.ts`, like `runFile`. */
export const runLocal = (
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): LocalProcess => runFile(`local/bin/${program}.ts`, args, env);

/** Runs a program without this process's configuration, except for what `env` gives. */
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

/** The capture of `pattern` in the first printed line that matches. Throws with the whole output if none does. */
export const lineOf = async (
  { child, output, errors, exit }: LocalProcess,
  pattern: RegExp,
  withinMs = startTimeoutMs,
): Promise<string> => {
  const until = performance.now() + withinMs;
  const ended = exit.then(() => true as const);
  // The loop looks once more after the end of the process, which may have printed its last line just before.
  for (let isOver = false; ; ) {
    const captured = output.map((line) => pattern.exec(line)?.[1]).find(Boolean);
    if (captured !== undefined) return captured;
    if (isOver || performance.now() > until) break;
    const tick = new Promise<false>((wake) => setTimeout(wake, 10, false));
    isOver = await Promise.race([ended, tick]);
  }
  // Let the process end what it has started, such as containers.
  child.kill('SIGTERM');
  const late = setTimeout(() => child.kill('SIGKILL'), endLimitMs);
  await exit;
  clearTimeout(late);
  throw new Error(`${pattern} was not printed:\n${[...output, ...errors].join('\n')}`);
};

/** The address that a vault prints once it serves. */
export const addressOf = (vault: LocalProcess): Promise<string> => lineOf(vault, listening);
