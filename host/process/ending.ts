/**
 * Ends a program in an orderly way: when its work is done, when it is asked to end (TERM, INT,
 * HUP), or when the reader of its output is gone. In each case it first ends everything that it has
 * started.
 */
import { codeOf } from '../../system/failures.ts';

/**
 * `SIGPIPE` means that the reader of the output has gone. Node ignores that signal and reports an
 * error of the stream instead, so the exit code is the one that shells show for it.
 */
type Cause = 'SIGHUP' | 'SIGINT' | 'SIGPIPE' | 'SIGTERM';

/** The exit codes with which a shell shows that a signal ended a program. */
export const exitCodes: Readonly<Record<Cause, number>> = {
  SIGHUP: 129,
  SIGINT: 130,
  SIGPIPE: 141,
  SIGTERM: 143,
};

const closers: Closer[] = [];
const asked = Promise.withResolvers<Cause>();
let cause: Cause | undefined;
let isAwaited = false;

const ask = (why: Cause): void => {
  cause ??= why;
  asked.resolve(why);
};

/**
 * Registers a function to be called before the program ends. The function registered last is called
 * first. Returns a function that removes it again.
 */
export const closeAtEnd = (close: Closer): (() => void) => {
  closers.push(close);
  return () => {
    const index = closers.indexOf(close);
    if (index >= 0) closers.splice(index, 1);
  };
};

/**
 * Calls all functions given to `closeAtEnd`, including those registered meanwhile. Throws the first
 * error.
 */
export const closeEverything = async (): Promise<void> => {
  while (closers.length > 0) await closeAll(closers);
};

/** Whether any function given to `closeAtEnd` is still to be called. */
export const hasOpen = (): boolean => closers.length > 0;

/** Why this program was asked to end; `undefined` until it is asked. */
export const causeOfEnd = (): Cause | undefined => cause;

/**
 * From here on neither a signal nor a lost reader of the output ends the program; both ask it to
 * end. Ctrl-C may arrive twice, from the terminal and from npm; further signals change nothing.
 */
export const listenForEnd = (): void => {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => ask(signal));
  }
  for (const stream of [process.stdout, process.stderr]) {
    // A write to a closed terminal fails with EIO.
    stream.on('error', (error) => {
      const code = codeOf(error) ?? '';
      const isNews = cause === undefined && !['EPIPE', 'EIO'].includes(code);
      ask('SIGPIPE');
      if (!isNews) return;
      process.exitCode = 1;
      process.stderr.write(`its output cannot be written (${code})\n`);
    });
  }
};

/**
 * Settles when this program is asked to end, which may have happened before the call. A program
 * that calls this must end its work itself once it settles. A program that never calls it is
 * abandoned as soon as it is asked to end.
 */
export const untilSignal = async (): Promise<void> => {
  isAwaited = true;
  await asked.promise;
};

/** Settles when the program is asked to end, unless it has called `untilSignal` by then. */
export const untilAbandoned = async (): Promise<void> => {
  await asked.promise;
  if (isAwaited) await new Promise<never>(() => undefined);
};

export type Closer = () => void | Promise<void>;

/**
 * Calls the closers in reverse order, and leaves the list empty. Each is called even if another one
 * failed. Throws the first error.
 */
export const closeAll = async (closers: Closer[]): Promise<void> => {
  const failures: unknown[] = [];
  for (const close of closers.splice(0).reverse()) {
    try {
      await close();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
};
