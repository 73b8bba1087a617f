/**
 * Child processes that do not outlive this process. If the system offers it (`setpriv --pdeathsig`), a child dies with
 * its parent. On other systems the data folder keeps the child's pid and start time, so that the next start can end a
 * child that a `kill -9` of its parent left.
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

/** Identifies a process: the system may reuse a pid, but then the start time differs. */
export const processRecord = v.object({ pid: v.number(), startTime: v.string() });
export type ProcessRecord = v.InferOutput<typeof processRecord>;

const startTimeOf = (pid: number): string | undefined => {
  try {
    // The start time is field 22 of /proc/<pid>/stat. Field 2, the program's name, may hold blanks and parentheses.
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

/** The record of a process that runs now; `undefined` if it does not run. */
export const recordOf = (pid: number): ProcessRecord | undefined => {
  const startTime = startTimeOf(pid);
  return startTime === undefined ? undefined : { pid, startTime };
};

export const isRunning = ({ pid, startTime }: ProcessRecord): boolean =>
  startTimeOf(pid) === startTime;

/**
 * Records a child in `file`, which replaces the record before it. If the file cannot be written because the disk is
 * full, the child runs nevertheless; otherwise its parent would never recover by itself when there is space again.
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

/** The child that `file` records, if it still runs. */
export const findRememberedChild = (file: string): ProcessRecord | undefined => {
  const text = readFileIfPresent(file);
  const record = text === undefined ? undefined : parseRecord(text);
  return record !== undefined && isRunning(record) ? record : undefined;
};

/** Ends the child that `file` records, if it still runs; returns when it is gone. */
export const endRememberedChild = async (file: string): Promise<void> => {
  const record = findRememberedChild(file);
  if (record === undefined) return;
  process.kill(record.pid, 'SIGKILL');
  while (isRunning(record)) await sleep(5);
};

/**
 * The command through which the system sends a child this signal when its parent dies; empty if the system has none.
 */
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

/** Longer than any program here gives its own children to end. */
const endWithinMs = 40_000;

/** Ends the child before this program ends. */
const endWithThis = (child: ChildProcess): void => {
  const takeBack = closeAtEnd(() => endChild(child, endWithinMs));
  child.once('exit', takeBack);
};

/**
 * Starts a program that ends its own children when it is asked to end. It is asked when this process ends, however this
 * process ends. The command is found by this process's PATH.
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
 * first finish what it has begun. The caller reads the child's stderr from `child.stderr` and, if `output` is piped,
 * its stdout from `child.stdout`. The child gets the few environment variables that any program needs, and those of
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

/** Asks a child to end, and kills it if it still runs after `graceMs`. */
export const endChild = async (child: ChildProcess, graceMs: number): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), graceMs);
  await ended;
  clearTimeout(timer);
};

/** Whether this port of the address is free; port 0 means any port. */
export const isFree = (port: number, host = '127.0.0.1'): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer().once('error', () => resolve(false));
    server.listen(port, host, () => server.close(() => resolve(true)));
  });

/**
 * Lies below the ports that systems give to outgoing connections, and apart from the ports of clusters. A child that
 * died is restarted at its port, so no other process may have taken that port meanwhile.
 */
const childPorts = { from: 20_000, to: 32_000 };

/**
 * Returns a port for a child that was free a moment ago at `host`, and at 127.0.0.1, where the child may check whether
 * its port is taken.
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
 * Returns an address of this machine for a child that cannot distinguish a web page from its parent. The address is a
 * random one of 127.0.0.0/8, which no page can guess, though any user of the machine can look it up. A system that has
 * only 127.0.0.1, such as macOS, gives that address.
 */
export const findHiddenHost = async (): Promise<string> => {
  // Systems put services of their own at 127.0.*.*.
  const host = [127, randomInt(1, 255), randomInt(256), randomInt(1, 255)].join('.');
  return (await isFree(0, host)) ? host : '127.0.0.1';
};
