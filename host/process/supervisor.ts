/**
 * Starts child processes, watches them, restarts them when they die, and ends them. A child should
 * not outlive this process: where the system has `setpriv --pdeathsig`, the child dies with its
 * parent. Elsewhere the data folder has the child's pid and start time, and the next start ends a
 * child that outlived a `kill -9` of its parent.
 */
import { type ChildProcess, execFileSync, type SpawnOptions, spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { closeAtEnd } from './ending.ts';
import { endRememberedChild, rememberChild } from './process-record.ts';
import { programTimes } from './program-times.ts';

/**
 * Returns the beginning of a command line that makes the system send the child this signal when its
 * parent dies; empty if the system has no `setpriv`.
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

/** Makes sure that the child is ended before this program ends. */
const endWithThis = (child: ChildProcess): void => {
  const takeBack = closeAtEnd(() => endChild(child, programTimes.programEndMs));
  child.once('exit', takeBack);
};

/**
 * Starts a program that ends its own children on SIGTERM. The program receives SIGTERM before this
 * process ends. On a system with `setpriv`, it also receives SIGTERM if this process is killed. The
 * command is looked up in this process's PATH.
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
 * Starts a child in its own process group, so that Ctrl-C at a terminal reaches only this process,
 * which can first finish what it has begun. The caller reads the child's stderr from `child.stderr`
 * and, if `output` is piped, its stdout from `child.stdout`. The child gets the few environment
 * variables that every program needs, and those of `environment`.
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

/** How a child ended. */
export type End = {
  /** Its signal, its exit code or the error of its start, as part of a sentence. */
  readonly how: string;
  /**
   * The last line that it wrote to stderr, or the error of its start; empty if there is neither.
   */
  readonly lastWords: string;
  readonly ranMs: number;
};

const lastWordsMax = 2_000;

/**
 * Follows a child from its start. The end is reported once everything that the child wrote was
 * read.
 */
const follow = (child: ChildProcess): Promise<End> => {
  const begun = performance.now();
  let said = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString('utf8')).slice(-lastWordsMax);
  });
  const endWith = (how: string, otherwise = ''): End => ({
    how,
    lastWords: said.trim().split('\n').at(-1) || otherwise,
    ranMs: performance.now() - begun,
  });
  return new Promise((resolve) => {
    child.once('error', ({ message }) => resolve(endWith(message, message)));
    child.once('close', (code, signal) => resolve(endWith(signal ?? `exit code ${code}`)));
  });
};

export type Program = {
  /**
   * The file in which the pid of the program is kept. If an earlier run left a process that still
   * runs, that is ended first.
   */
  readonly pidFile: string;
  readonly launch: () => ChildProcess | Promise<ChildProcess>;
  /**
   * Reports when the program is ready. If absent, the program counts as ready once it has been
   * spawned.
   */
  readonly start?: {
    /** Whether the program is ready. Called every `askEveryMs` until it is; must not reject. */
    readonly isDone: () => Promise<boolean>;
    readonly askEveryMs: number;
    readonly withinMs: number;
    /**
     * Creates the error for a program that ended before it was ready, or (`undefined`) was not
     * ready in time.
     */
    readonly failed: (end: End | undefined) => Error;
  };
  /** How long the program may take to end when it is asked to. */
  readonly graceMs: number;
  /**
   * Called when the program has ended after its first start, by itself or because a restart took
   * too long. Returns after how many milliseconds to restart it, or throws the reason why it is not
   * restarted.
   */
  readonly onEnd: (end: End) => number | Promise<number>;
};

export type Supervision = {
  /** Settles only if the program ended and is not restarted; the error says why. */
  readonly failed: Promise<Error>;
  /** Ends the program; returns when it is gone. */
  readonly close: () => Promise<void>;
};

/**
 * Starts the program and keeps it running; returns when it is ready. Throws if it does not start,
 * and then nothing is left running. This process must have locked the folder of the pid file,
 * because the process that the file names is ended.
 */
export const supervise = async (program: Program): Promise<Supervision> => {
  const { pidFile, launch, start, graceMs, onEnd } = program;
  await endRememberedChild(pidFile);
  const closing = new AbortController();
  let isClosing = false;

  const begin = async () => {
    const child = await launch();
    const ended = follow(child);
    rememberChild(pidFile, child);
    return { child, ended };
  };
  let { child, ended } = await begin();

  const untilStarted = async (): Promise<void> => {
    if (start === undefined) return;
    let end: End | undefined;
    void ended.then((one) => {
      end = one;
    });
    const deadline = performance.now() + start.withinMs;
    while (performance.now() < deadline) {
      if (end !== undefined) throw start.failed(end);
      if (await start.isDone()) return;
      await sleep(start.askEveryMs);
    }
    throw start.failed(undefined);
  };
  try {
    await untilStarted();
  } catch (error) {
    await endChild(child, graceMs);
    throw error;
  }

  /**
   * Restarts the program each time it ends. Returns when the program is closed; throws the reason
   * if the program is not restarted.
   */
  const keepRunning = async (): Promise<void> => {
    for (;;) {
      const end = await ended;
      if (isClosing) return;
      const waitMs = await onEnd(end);
      if (waitMs > 0) await sleep(waitMs, undefined, closing).catch(() => undefined);
      if (isClosing) return;
      ({ child, ended } = await begin());
      if (isClosing) await endChild(child, graceMs);
      // A program that does not get ready has ended, or is ended here; the next round of this loop
      // handles that.
      await untilStarted().catch(() => endChild(child, graceMs));
    }
  };
  const kept = keepRunning();
  return {
    failed: new Promise((resolve) => {
      kept.catch((error: Error) => {
        if (!isClosing) resolve(error);
      });
    }),
    close: async () => {
      isClosing = true;
      closing.abort();
      await endChild(child, graceMs);
      await kept.catch(() => undefined);
    },
  };
};
