/** Runs the program of `dsvault run`: its signals, its output, its exit code. */
import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants as modes, statSync } from 'node:fs';
import { constants } from 'node:os';
import { delimiter, resolve } from 'node:path';
import { type Readable, Transform } from 'node:stream';
import { variable } from './environment.ts';
import { systemCodeOf } from './failures.ts';
import { note } from './output.ts';
import { startRedaction } from './redaction.ts';

/** The exit codes of shells. */
const cannotRun = 126;
const notFound = 127;
const signalBase = 128;

const sentToOne = ['SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const;
/** A terminal sends these signals to the child as well. If dsvault passed them on, they would arrive twice. */
const sentByTerminal: readonly NodeJS.Signals[] = ['SIGINT', 'SIGQUIT'];

export type Child = {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** Texts to hide in its output; `undefined` if the output is not filtered. */
  readonly hide: readonly string[] | undefined;
};

/** Runs the program to its end. Resolves to the exit code that reports its end. */
export const runChild = async (child: Child): Promise<number> => {
  const file = findProgram(child.command);
  if (typeof file === 'number') {
    const reason = file === notFound ? 'command not found' : 'not a program that may be run';
    note(`${child.command}: ${reason}`);
    return file;
  }
  return await spawnAndWait(file, child);
};

/** Finds the program on the PATH of this process, as a shell does. Node would search the PATH of the child instead. */
const findProgram = (command: string): string | number => {
  const folders = (variable('PATH') ?? '').split(delimiter);
  const files = command.includes('/')
    ? [command]
    : folders.map((folder) => resolve(folder, command));
  const there = files.filter((file) => statSync(file, { throwIfNoEntry: false }) !== undefined);
  return there.find(isProgram) ?? (there.length > 0 ? cannotRun : notFound);
};

const isProgram = (file: string): boolean => {
  try {
    accessSync(file, modes.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
};

const spawnAndWait = (file: string, { command, args, env, hide }: Child): Promise<number> =>
  new Promise((settle) => {
    const fail = (error: unknown): void => {
      stop();
      note(`${command}: cannot be run (${systemCodeOf(error)})`);
      settle(cannotRun);
    };
    // Listen before the child exists, because a signal may come at once. No signal is handled before the next turn.
    const stop = onSignals((signal) => child?.kill(signal));
    let child: ChildProcess | undefined;
    try {
      const piped = hide === undefined ? 'inherit' : 'pipe';
      // The filters are made before the child, because an error here would leave a child whose output nobody reads.
      const [out, errors] = hide === undefined ? [] : [redacting(hide), redacting(hide)];
      child = spawn(file, args, { argv0: command, env, stdio: ['inherit', piped, piped] });
      if (out && child.stdout) filter(child.stdout, out, process.stdout);
      if (errors && child.stderr) filter(child.stderr, errors, process.stderr);
      child.once('error', fail);
      child.once('close', (code, signal) => {
        stop();
        settle(code ?? signalBase + (signal === null ? 0 : constants.signals[signal]));
      });
    } catch (error) {
      // Some errors of the system are thrown, such as an environment that is too long.
      fail(error);
    }
  });

/** Passes signals on until `stop` is called. No signal ends this process meanwhile: the child decides. */
const onSignals = (pass: (signal: NodeJS.Signals) => void): (() => void) => {
  const atTerminal = [process.stdin, process.stdout, process.stderr].some(({ isTTY }) => isTTY);
  const listeners = [...sentToOne, ...sentByTerminal].map((signal) => {
    const alreadySent = atTerminal && sentByTerminal.includes(signal);
    const listener = () => void (alreadySent || pass(signal));
    process.on(signal, listener);
    return () => process.off(signal, listener);
  });
  return () => {
    for (const remove of listeners) remove();
  };
};

const redacting = (hide: readonly string[]): Transform => {
  const redaction = startRedaction(hide);
  return new Transform({
    transform: (chunk, _encoding, done) => done(null, redaction.push(chunk)),
    flush: (done) => done(null, redaction.end()),
  });
};

const filter = (from: Readable, through: Transform, to: NodeJS.WriteStream): void => {
  from.pipe(through).pipe(to, { end: false });
  // If the reader is gone, the child gets a closed pipe, as it would without dsvault.
  to.once('error', () => from.destroy());
};
