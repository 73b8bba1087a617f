/** Runs the program of `dsvault run` and `dsvault bisect`: signals, output, exit code, restarts. */
import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { constants } from 'node:os';
import { type Readable, Transform } from 'node:stream';
import { failure, systemCodeOf } from '../../system/failures.ts';
import { findProgram, isOnPath } from '../../system/programs.ts';
import { note } from '../output/output.ts';
import { reportFailure } from '../output/print-failure.ts';
import { endProgress } from '../output/progress.ts';
import { startRedaction } from './redaction.ts';

/** Shells add this to the number of a signal to get the exit code for it. */
const signalBase = 128;

const sentToOne = ['SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const;
/**
 * A terminal sends these signals to the child as well. If dsvault passed them on, they would arrive
 * twice.
 */
const sentByTerminal: readonly NodeJS.Signals[] = ['SIGINT', 'SIGQUIT'];
/** After these signals dsvault no longer starts programs. */
const endsAll: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGINT', 'SIGQUIT'];

export type Child = {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** The texts to mask in the program's output; `undefined` if the output is not filtered. */
  readonly hide: readonly string[] | undefined;
  /** Sends its stdout to stderr, because stdout is for the result of dsvault. */
  readonly outToStderr?: boolean | undefined;
};

type ChildEnd = {
  /** The exit code that reports how the program ended. */
  readonly code: number;
  /** The signal that asked dsvault to end, whatever the program did with it. */
  readonly endedBy: NodeJS.Signals | undefined;
};

/** What `watch` can do with the running program. */
export type ChildControl = {
  /**
   * Ends the program with a signal, after `graceMs` with KILL, and then starts `next` instead. Does
   * nothing if the program has ended by itself. Settles once the old program is gone.
   */
  readonly restart: (next: Child, how: Ending) => Promise<void>;
  readonly send: (signal: NodeJS.Signals) => void;
  /** Is aborted once the program must not be restarted any more. */
  readonly over: AbortSignal;
};
type Ending = { readonly signal: NodeJS.Signals; readonly graceMs: number };

/**
 * Runs the program to its end. `watch` runs at the same time; it must never reject, and must return
 * once `over` is aborted.
 */
export const runChild = async (
  first: Child,
  watch: (watched: ChildControl) => Promise<void> = async () => undefined,
): Promise<ChildEnd> => {
  const over = new AbortController();
  let restarting: { readonly next: Child; readonly signal: NodeJS.Signals } | undefined;
  let child: RunningChild | undefined;
  let current = first;
  let endedBy: NodeJS.Signals | undefined;
  // Installed before the child exists: a signal may arrive immediately, but is not handled before
  // the next turn of the event loop.
  const stopListening = onSignals((signal, alreadySent) => {
    // A program may take HUP as a request to read its files again, so HUP prevents later restarts
    // only if it arrives during a restart.
    if (endsAll.includes(signal) || (signal === 'SIGHUP' && restarting)) over.abort();
    if (endsAll.includes(signal) || signal === 'SIGHUP') endedBy ??= signal;
    if (!alreadySent && signal !== restarting?.signal) child?.send(signal);
  });
  const restart: ChildControl['restart'] = async (next, { signal, graceMs }) => {
    const old = child;
    if (over.signal.aborted || !old?.send(signal)) return;
    restarting = { next, signal };
    const timer = setTimeout(() => old.send('SIGKILL'), graceMs);
    await old.code;
    clearTimeout(timer);
  };
  try {
    child = startChild(first);
    const watching = watch({ restart, send: (signal) => child?.send(signal), over: over.signal });
    for (;;) {
      await child.code;
      if (restarting === undefined || over.signal.aborted) break;
      const next = startChild(restarting.next);
      // The system may refuse the new environment, for example because it is too long. It accepted
      // the old values, so the program gets them again.
      if (!next.isStarted) note('the program starts with its old values again');
      child = next.isStarted ? next : startChild(current);
      if (next.isStarted) current = restarting.next;
      restarting = undefined;
    }
    over.abort();
    const code = await child.code;
    await watching;
    return { code, endedBy };
  } finally {
    stopListening();
  }
};

type RunningChild = {
  readonly isStarted: boolean;
  /** Sends the program a signal. Returns false if the program has ended already. */
  readonly send: (signal: NodeJS.Signals) => boolean;
  /**
   * Settles once the program is gone. Children that it left behind may still print, and this
   * process passes their output on.
   */
  readonly code: Promise<number>;
};

/**
 * Starts the program. If that fails, prints why, and the exit code is the one that `env` and shells
 * use then.
 */
const startChild = (child: Child): RunningChild => {
  // This searches the PATH of `dsvault`. Node itself would search the child's PATH.
  const file = findProgram(child.command);
  if (file !== undefined) return spawnChild(file, child);
  return isOnPath(child.command)
    ? notStarted(child, 'this is not an executable file', 'programUnusable')
    : notStarted(child, 'command not found: check its name and the PATH', 'programMissing');
};

type StartFault = 'programMissing' | 'programUnusable';

const notStarted = ({ command }: Child, reason: string, why: StartFault): RunningChild => {
  const code = reportFailure(failure(`${command}: ${reason}`, { kind: why }));
  return { isStarted: false, send: () => false, code: Promise.resolve(code) };
};

const spawnChild = (file: string, given: Child): RunningChild => {
  const { command, args, env, hide, outToStderr } = given;
  const stdout = outToStderr ? process.stderr : process.stdout;
  const piped = hide === undefined ? 'inherit' : 'pipe';
  // The filters of the output are created before the child, because an error here would leave a
  // child whose output nobody reads.
  const [out, errors] = hide === undefined ? [] : [redacting(hide), redacting(hide)];
  const cannot = (error: unknown): string => `cannot be run (${systemCodeOf(error)})`;
  endProgress();
  let child: ChildProcess;
  try {
    const stdio: StdioOptions = ['inherit', outToStderr && !out ? 2 : piped, piped];
    child = spawn(file, args, { argv0: command, env, stdio });
  } catch (error) {
    // spawn throws some errors of the system, such as for an environment that is too long.
    return notStarted(given, cannot(error), 'programUnusable');
  }
  if (out && child.stdout) filter(child.stdout, out, stdout);
  if (errors && child.stderr) filter(child.stderr, errors, process.stderr);
  const cannotStart = new Promise<number>((settle) => {
    child.on('error', (error) => {
      // Also catches a signal that cannot be sent, for example to a program of another user.
      if (child.pid !== undefined) return note(`${command}: cannot be sent the signal`);
      settle(reportFailure(failure(`${command}: ${cannot(error)}`, { kind: 'programUnusable' })));
    });
  });
  const ends = new Promise<number>((settle) => {
    child.once('exit', (code: number | null, signal: NodeJS.Signals | null) => {
      settle(code ?? signalBase + (signal === null ? 0 : constants.signals[signal]));
    });
  });
  return {
    isStarted: true,
    send: (signal) => child.kill(signal),
    code: Promise.race([cannotStart, ends]),
  };
};

/**
 * Passes signals on until the returned function is called. Meanwhile no signal ends this process:
 * the child decides. `alreadySent`: the terminal has sent the signal to the child as well.
 */
const onSignals = (pass: (signal: NodeJS.Signals, alreadySent: boolean) => void): (() => void) => {
  const atTerminal = [process.stdin, process.stdout, process.stderr].some(({ isTTY }) => isTTY);
  const listeners = [...sentToOne, ...sentByTerminal].map((signal) => {
    const listener = () => pass(signal, atTerminal && sentByTerminal.includes(signal));
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
  // If the reader has gone, the child gets a closed pipe, as it would without dsvault.
  const giveUp = () => from.destroy();
  to.once('error', giveUp);
  from.once('close', () => to.off('error', giveUp));
};
