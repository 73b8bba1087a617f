/**
 * The local store: a DynamoDB server whose file is in the data folder. This process starts it, on loopback unless told
 * otherwise, watches it, and restarts it if it dies; acknowledged writes are in its file. The server has no
 * authentication and lets any web page read and write, so its address must not be found by a page.
 */
import type { ChildProcess } from 'node:child_process';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  endChild,
  endRememberedChild,
  findFreePort,
  findHiddenHost,
  rememberChild,
} from '../host/child.ts';
import { failure } from '../host/command.ts';
import { watchRoom } from './room.ts';

/** A program that serves DynamoDB's API and keeps its data in a folder. */
export type StoreProgram = {
  readonly name: string;
  /** The address that the program listens on. By default it is an address that no web page can find. */
  readonly host?: string | undefined;
  readonly readyWithinMs: number;
  readonly launch: (folder: string, host: string, port: number) => Promise<ChildProcess>;
  /** Returns a better sentence for the last words of a program that did not start, if those would mislead. */
  readonly explain?: (lastWords: string) => string | undefined;
};

export type LocalStore = {
  readonly endpoint: string;
  /** The number of times that the store died and was restarted. */
  readonly deaths: () => number;
  /** Settles only if the store died and could not be restarted; the error says why. */
  readonly failed: Promise<Error>;
  readonly close: () => Promise<void>;
};

/** A store that dies more often than this within a minute is not started again. */
const restartsMax = 5;
const graceMs = 2_000;

const answers = (host: string, port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ host, port });
    const settle = (isThere: boolean) => {
      socket.destroy();
      resolve(isThere);
    };
    socket.once('connect', () => settle(true)).once('error', () => settle(false));
  });

/** Waits until the child accepts connections. If the child ends before that, throws its last words. */
const waitUntilReady = async (
  { name, readyWithinMs, explain }: StoreProgram,
  child: ChildProcess,
  host: string,
  port: number,
): Promise<void> => {
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-2_000);
  });
  let error: Error | undefined;
  child.once('error', (caught) => {
    error = caught;
  });
  const deadline = performance.now() + readyWithinMs;
  while (performance.now() < deadline) {
    if (error !== undefined || child.exitCode !== null || child.signalCode !== null) {
      const why = said.trim().split('\n').at(-1) || error?.message || 'it ended without a word';
      const sentence = explain?.(why) ?? why;
      throw failure(`the store (${name}) did not start: ${sentence}`, { cause: error });
    }
    if (await answers(host, port)) return;
    await sleep(5);
  }
  throw failure(`the store (${name}) did not answer within ${readyWithinMs / 1000} s`);
};

/** Resolves when the child ends, with its exit code, signal or error. */
const endOf = (child: ChildProcess): Promise<string> =>
  new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => resolve(signal ?? `exit code ${code}`));
  });

/**
 * Ends the process that an earlier run left in `folder`, starts the program there and returns when it answers. This
 * process must have locked the folder. `report` gets one line whenever the store is restarted, and when its disk is
 * full.
 */
export const startStore = async (
  program: StoreProgram,
  folder: string,
  report: (line: string) => void,
): Promise<LocalStore> => {
  const pidFile = join(folder, 'store.pid');
  await endRememberedChild(pidFile);
  const host = program.host ?? (await findHiddenHost());
  const port = await findFreePort(host);
  let isClosing = false;
  let deathCount = 0;

  const launch = async () => {
    const child = await program.launch(folder, host, port);
    const ended = endOf(child);
    rememberChild(pidFile, child);
    return { child, ended };
  };
  let { child, ended } = await launch();
  try {
    await waitUntilReady(program, child, host, port);
  } catch (error) {
    await endChild(child, 0);
    throw error;
  }

  /** Returns the reason why the store could not be restarted; `undefined` once it was closed. */
  const keepRunning = async (): Promise<Error | undefined> => {
    for (let deaths: readonly number[] = []; ; ) {
      const how = await ended;
      if (isClosing) return undefined;
      deathCount += 1;
      const now = performance.now();
      deaths = [...deaths.filter((at) => now - at < 60_000), now];
      if (deaths.length > restartsMax) {
        return failure(`the store (${program.name}) ended ${deaths.length} times within a minute`);
      }
      report(`the store (${program.name}) ended (${how}); it is started again`);
      // A store that does not become ready has ended, or is ended here; the next round of this loop handles that.
      ({ child, ended } = await launch());
      if (isClosing) await endChild(child, graceMs);
      await waitUntilReady(program, child, host, port).catch(() => endChild(child, 0));
    }
  };
  const kept = keepRunning();
  const room = watchRoom(folder, report);
  return {
    endpoint: `http://${host}:${port}`,
    deaths: () => deathCount,
    failed: new Promise((resolve) => {
      void kept.then((error) => error && resolve(error), resolve);
    }),
    close: async () => {
      isClosing = true;
      room.close();
      await endChild(child, graceMs);
      await kept.catch(() => undefined);
    },
  };
};
