/**
 * How a program ends: when its work is done, when it is asked to end (TERM, INT, HUP), or when nobody reads what it
 * prints any more. In each case what it has started ends first.
 */
import { type Closer, closeAll } from './closing.ts';
import { codeOf } from './command.ts';

/** `SIGPIPE`: the reader of its output went away. Node has no such signal; the shells' number for it is used. */
type Cause = 'SIGHUP' | 'SIGINT' | 'SIGPIPE' | 'SIGTERM';

/** As a shell tells that a signal ended a program. */
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

/** Has this called before the program ends, the last given first. Returns what takes it back. */
export const closeAtEnd = (close: Closer): (() => void) => {
  closers.push(close);
  return () => {
    const index = closers.indexOf(close);
    if (index >= 0) closers.splice(index, 1);
  };
};

/** Calls all that was given to `closeAtEnd`, also what is given meanwhile. Throws what the first that failed threw. */
export const closeEverything = async (): Promise<void> => {
  while (closers.length > 0) await closeAll(closers);
};

/** Whether anything is still to be closed. */
export const hasOpen = (): boolean => closers.length > 0;

/** Why this program was asked to end; `undefined` as long as it was not. */
export const causeOfEnd = (): Cause | undefined => cause;

/**
 * From here on the program is not ended by signals, nor by a reader of its output that went away; both ask it to end.
 * Ctrl-C may arrive twice, from the terminal and from npm: once it is asked, more signals change nothing.
 */
export const listenForEnd = (): void => {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => ask(signal));
  }
  for (const stream of [process.stdout, process.stderr]) {
    // A terminal that was closed gives EIO.
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
 * good order; all other work is abandoned.
 */
export const untilSignal = async (): Promise<void> => {
  isAwaited = true;
  await asked.promise;
};

/** Settles when the program is asked to end and nothing of its work awaits that. */
export const untilAbandoned = async (): Promise<void> => {
  await asked.promise;
  if (isAwaited) await new Promise<never>(() => undefined);
};
