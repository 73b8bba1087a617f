/**
 * The local store: a DynamoDB server whose file is in the data folder. `startStore` starts the server, on loopback unless
 * `StoreProgram.host` names another address, and restarts it if it dies. Acknowledged writes are in its file. The server has no authentication and
 * lets any web page read and write, so no page must find its address.
 */
import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { failure } from '../../system/failures.ts';
import { findFreePort, findHiddenHost, isServed } from '../process/ports.ts';
import { programTimes } from '../process/program-times.ts';
import { watchRoom } from '../process/room.ts';
import { type End, supervise } from '../process/supervisor.ts';

/** The access key for a store that checks none. The AWS client needs one. */
export const uncheckedKey = { accessKeyId: 'unchecked', secretAccessKey: 'unchecked' };

/** Without these the AWS client would look for the user's credentials, and send them to a store that checks none. */
export const noCredentials: Readonly<Record<string, string | undefined>> = {
  AWS_ACCESS_KEY_ID: uncheckedKey.accessKeyId,
  AWS_SECRET_ACCESS_KEY: uncheckedKey.secretAccessKey,
  AWS_SESSION_TOKEN: undefined,
  AWS_PROFILE: undefined,
};

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
  /** Settles only if the store died and could not be restarted; the error says why. */
  readonly failed: Promise<Error>;
  readonly close: () => Promise<void>;
};

/** A store that dies more often than this within a minute is not started again. */
const restartsMax = 5;

const startFailed = (
  { name, readyWithinMs, explain }: StoreProgram,
  end: End | undefined,
): Error => {
  if (end === undefined) {
    return failure(`the store (${name}) did not answer within ${readyWithinMs / 1000} s`);
  }
  const why = end.lastWords || 'it ended without a word';
  return failure(`the store (${name}) did not start: ${explain?.(why) ?? why}`);
};

/**
 * Ends the process that an earlier run left in `folder`, starts the program there and returns when it
 * answers. The caller must have locked the folder. `report` is called with one line whenever the store is
 * restarted, and when its disk is full.
 */
export const startStore = async (
  program: StoreProgram,
  folder: string,
  report: (line: string) => void,
): Promise<LocalStore> => {
  const { name, readyWithinMs } = program;
  const host = program.host ?? (await findHiddenHost());
  const port = await findFreePort(host);
  let deaths: readonly number[] = [];
  const { failed, close } = await supervise({
    pidFile: join(folder, 'store.pid'),
    launch: () => program.launch(folder, host, port),
    start: {
      isDone: () => isServed(port, host),
      askEveryMs: 5,
      withinMs: readyWithinMs,
      failed: (end) => startFailed(program, end),
    },
    graceMs: programTimes.storeEndMs,
    onEnd: ({ how }) => {
      const now = performance.now();
      deaths = [...deaths.filter((at) => now - at < 60_000), now];
      if (deaths.length > restartsMax) {
        throw failure(`the store (${name}) ended ${deaths.length} times within a minute`);
      }
      report(`the store (${name}) ended (${how}); it is started again`);
      return 0;
    },
  });
  const room = watchRoom(folder, report);
  return {
    endpoint: `http://${host}:${port}`,
    failed,
    close: async () => {
      room.close();
      await close();
    },
  };
};
