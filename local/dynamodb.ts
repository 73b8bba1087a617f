/**
 * The local store: a DynamoDB that this process starts on loopback, with its file in the data folder, watches, and
 * starts again if it dies. What it had acknowledged is in its file.
 */
import type { ChildProcess } from 'node:child_process';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { endChild, endRememberedChild, findFreePort, rememberChild } from './child.ts';
import { failure } from './command.ts';

/** A program that serves DynamoDB's API and keeps its data in a folder. */
export type StoreProgram = {
  readonly name: string;
  readonly readyWithinMs: number;
  readonly launch: (folder: string, port: number) => Promise<ChildProcess>;
};

export type LocalStore = {
  readonly endpoint: string;
  /** Settles only if the store died and could not be kept running; says why. */
  readonly failed: Promise<Error>;
  readonly close: () => Promise<void>;
};

/** A store that dies more often than this within a minute is not started again. */
const restartsMax = 5;
const graceMs = 2_000;

const answers = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    const settle = (isThere: boolean) => {
      socket.destroy();
      resolve(isThere);
    };
    socket.once('connect', () => settle(true)).once('error', () => settle(false));
  });

/** Waits until the child accepts connections. Throws what it last said if it ends before that. */
const waitUntilReady = async (
  { name, readyWithinMs }: StoreProgram,
  child: ChildProcess,
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
      throw failure(`the store (${name}) did not start: ${why}`, { cause: error });
    }
    if (await answers(port)) return;
    await sleep(5);
  }
  throw failure(`the store (${name}) did not answer within ${readyWithinMs / 1000} s`);
};

/**
 * Ends what an earlier run left in `folder`, starts the program there and returns when it answers. The folder must
 * be locked by this process. `report` gets one line whenever the store is started again.
 */
export const startStore = async (
  program: StoreProgram,
  folder: string,
  report: (line: string) => void,
): Promise<LocalStore> => {
  const pidFile = join(folder, 'store.pid');
  await endRememberedChild(pidFile);
  const port = await findFreePort();
  let child: ChildProcess;
  let isClosing = false;
  let restarts: readonly number[] = [];
  let fail: (error: Error) => void = () => undefined;
  const failed = new Promise<Error>((resolve) => {
    fail = resolve;
  });

  const start = async (): Promise<void> => {
    child = await program.launch(folder, port);
    rememberChild(pidFile, child);
    try {
      await waitUntilReady(program, child, port);
    } catch (error) {
      await endChild(child, 0);
      throw error;
    }
    child.once('exit', (code, signal) => startAgain(signal ?? `exit code ${code}`));
  };
  const startAgain = (how: string): void => {
    if (isClosing) return;
    const now = performance.now();
    restarts = [...restarts.filter((at) => now - at < 60_000), now];
    if (restarts.length > restartsMax) {
      fail(failure(`the store (${program.name}) ended ${restarts.length} times within a minute`));
      return;
    }
    report(`the store (${program.name}) ended (${how}); it is started again`);
    starting = start().catch(fail);
  };

  let starting: Promise<void> = start();
  await starting;
  return {
    endpoint: `http://127.0.0.1:${port}`,
    failed,
    close: async () => {
      isClosing = true;
      await starting;
      await endChild(child, graceMs);
    },
  };
};
