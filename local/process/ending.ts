/**
 * Ends a program in an orderly way: when its work is done, when it is asked to end (TERM, INT, HUP), or when the reader
 * of its output is gone. In each case it first ends everything that it has started.
 */
import { codeOf } from '../../system/failures.ts';

/**
 * `SIGPIPE` means that the reader of the output went away. Node has no such signal, so the shells' number for it is
 * used.
 */
type Cause = 'SIGHUP' | 'SIGINT' | 'SIGPIPE' | 'SIGTERM';

/** The exit codes by which a shell tells that a signal ended a program. */
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

/** Registers a function to call before the program ends, the last one first. Returns a function that removes it again. */
export const closeAtEnd = (close: Closer): (() => void) => {
  closers.push(close);
  return () => {
    const index = closers.indexOf(close);
    if (index >= 0) closers.splice(index, 1);
  };
};

/** Calls all functions given to `closeAtEnd`, also those that are given meanwhile. Throws the first error. */
export const closeEverything = async (): Promise<void> => {
  while (closers.length > 0) await closeAll(closers);
};

/** Whether any function is still to be called. */
export const hasOpen = (): boolean => closers.length > 0;

/** Why this program was asked to end; `undefined` until it is asked. */
export const causeOfEnd = (): Cause | undefined => cause;

/**
 * From here on neither a signal nor a lost reader of the output ends the program; both ask it to end. Ctrl-C may arrive
 * twice, from the terminal and from npm; after the first request more signals change nothing.
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
      process.stderr.write(`what it prints cannot be written (${code})\n`);
    });
  }
};

/**
 * Settles when this program is asked to end, which may be before it has started. Work that awaits this ends itself in
 * an orderly way; all other work is abandoned.
 */
export const untilSignal = async (): Promise<void> => {
  isAwaited = true;
  await asked.promise;
};

/** Settles when the program is asked to end and no work awaits `untilSignal`. */
export const untilAbandoned = async (): Promise<void> => {
  await asked.promise;
  if (isAwaited) await new Promise<never>(() => undefined);
};

export type Closer = () => void | Promise<void>;

/**
 * Calls the closers, the last first, and leaves the list empty. A closer is called even if another one
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
