/**
 * Processes that live no longer than this one. A child dies with its parent where the system offers that
 * (`setpriv --pdeathsig`); elsewhere its pid and start time, kept in the data folder, let the next start end what a
 * `kill -9` left.
 */
import { type ChildProcess, execFileSync, type SpawnOptions, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import * as v from 'valibot';
import { failure } from './command.ts';
import { readFileIfPresent, replaceFile } from './data-folder.ts';
import { closeAtEnd } from './ending.ts';

/** A process that no later one can be taken for: a pid is used again, with another start time. */
export const processRecord = v.object({ pid: v.number(), startTime: v.string() });
export type ProcessRecord = v.InferOutput<typeof processRecord>;

const startTimeOf = (pid: number): string | undefined => {
  try {
    // Field 22 of /proc/<pid>/stat; the second, the program's name, may hold blanks and parentheses.
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const [state, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return state === 'Z' ? undefined : fields[18];
  } catch {
    if (process.platform === 'linux') return undefined;
  }
  try {
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim();
  } catch {
    return undefined;
  }
};

/** The record of a process that runs now; `undefined` if it does not. */
export const recordOf = (pid: number): ProcessRecord | undefined => {
  const startTime = startTimeOf(pid);
  return startTime === undefined ? undefined : { pid, startTime };
};

export const isRunning = ({ pid, startTime }: ProcessRecord): boolean =>
  startTimeOf(pid) === startTime;

/**
 * Remembers a child in `file`, in place of the one before. Where that cannot be written, as on a full disk, the child
 * runs all the same: its parent would otherwise never come back by itself when there is room again.
 */
export const rememberChild = (file: string, child: ChildProcess): void => {
  const record = child.pid === undefined ? undefined : recordOf(child.pid);
  if (record === undefined) return;
  try {
    replaceFile(file, JSON.stringify(record));
  } catch (error) {
    if (!isDiskFull(error)) throw error;
  }
};

const isDiskFull = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT');

const parseRecord = (text: string): ProcessRecord | undefined => {
  try {
    return v.parse(processRecord, JSON.parse(text));
  } catch {
    return undefined;
  }
};

/** The child that `file` remembers, if it still runs. */
export const findRememberedChild = (file: string): ProcessRecord | undefined => {
  const text = readFileIfPresent(file);
  const record = text === undefined ? undefined : parseRecord(text);
  return record !== undefined && isRunning(record) ? record : undefined;
};

/** Ends the child that `file` remembers, if it still runs; returns when it is gone. */
export const endRememberedChild = async (file: string): Promise<void> => {
  const record = findRememberedChild(file);
  if (record === undefined) return;
  process.kill(record.pid, 'SIGKILL');
  while (isRunning(record)) await sleep(5);
};

/** The command that has the system send a child this signal when its parent dies; empty where there is none. */
const boundBy = (signal: 'KILL' | 'TERM'): readonly string[] => {
  setpriv ??= findSetpriv();
  return setpriv === '' ? [] : [setpriv, '--pdeathsig', signal, '--'];
};
let setpriv: string | undefined;

const findSetpriv = (): string => {
  try {
    const find = 'command -v setpriv && setpriv --pdeathsig KILL true';
    return execFileSync('sh', ['-c', find], { encoding: 'utf8', stdio: 'pipe' }).trim();
  } catch {
    return '';
  }
};

/** Above what a child is given for its own children, by any program here. */
const endWithinMs = 40_000;

/** Has the child end before this program does. */
const endWithThis = (child: ChildProcess): void => {
  const takeBack = closeAtEnd(() => endChild(child, endWithinMs));
  child.once('exit', takeBack);
};

/**
 * Starts a program that ends what it has started itself once it is asked to: it is asked when this one ends, however
 * this one ends. The command is found by this process's PATH.
 */
export const startProgram = (
  command: string,
  args: readonly string[],
  options: SpawnOptions,
): ChildProcess => {
  const [file = command, ...rest] = [...boundBy('TERM'), command, ...args];
  const child = spawn(file, rest, options);
  endWithThis(child);
  return child;
};

/**
 * Starts a child in a process group of its own, so that Ctrl-C at a terminal reaches this process alone, which may
 * first finish what it has begun. What the child writes to stderr can be read from `child.stderr`, and with `output`
 * piped what it writes to stdout from `child.stdout`. Of the environment it gets what a program needs to run, and
 * `environment`.
 */
export const startChild = (
  command: string,
  args: readonly string[],
  cwd: string,
  environment: Readonly<Record<string, string | undefined>> = {},
  output: 'ignore' | 'pipe' = 'ignore',
): ChildProcess => {
  const [file = command, ...rest] = [...boundBy('KILL'), command, ...args];
  const { PATH, HOME, TMPDIR } = process.env;
  const child = spawn(file, rest, {
    cwd,
    detached: true,
    stdio: ['ignore', output, 'pipe'],
    env: { PATH, HOME, TMPDIR, ...environment },
  });
  endWithThis(child);
  return child;
};

/** Asks a child to end, and ends it if it has not after `graceMs`. */
export const endChild = async (child: ChildProcess, graceMs: number): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), graceMs);
  await ended;
  clearTimeout(timer);
};

/** Whether this port of the address can be had; 0: any port. */
export const isFree = (port: number, host = '127.0.0.1'): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer().once('error', () => resolve(false));
    server.listen(port, host, () => server.close(() => resolve(true)));
  });

/**
 * Below the ports that systems give to outgoing connections, and beside those of clusters: a child that dies is started
 * again at its port, which must not have become another's meanwhile.
 */
const childPorts = { from: 20_000, to: 32_000 };

/**
 * A port for a child, that was free a moment ago at `host`, and at 127.0.0.1, where a child may look whether its port
 * is taken.
 */
export const findFreePort = async (host = '127.0.0.1'): Promise<number> => {
  const { from, to } = childPorts;
  for (let tries = 0; tries < 100; tries += 1) {
    const port = from + Math.floor(Math.random() * (to - from));
    if ((await isFree(port)) && (await isFree(port, host))) return port;
  }
  throw failure(`no port of ${host} between ${from} and ${to} was found free`);
};

/**
 * An address of this machine for a child that cannot tell a web page from its parent: a random one of 127.0.0.0/8, which
 * no page can guess, though any user of the machine can look it up. A system
 * that has 127.0.0.1 alone, as macOS, gives that address.
 */
export const findHiddenHost = async (): Promise<string> => {
  // Not 127.0.*.*, where systems put services of their own.
  const host = [127, randomInt(1, 255), randomInt(256), randomInt(1, 255)].join('.');
  return (await isFree(0, host)) ? host : '127.0.0.1';
};
