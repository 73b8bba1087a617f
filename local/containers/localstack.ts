/** Runs LocalStack as a program on this machine, without a container and without a token. */
import type { ChildProcess } from 'node:child_process';
import { createWriteStream, mkdirSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { endChild, endRememberedChild, rememberChild, startChild } from '../host/child.ts';
import { failure } from '../host/command.ts';

export type LocalstackOptions = {
  /** The folder of programs of the Python environment that has LocalStack. */
  readonly programs: string;
  /** Keeps its pid, its log and its working files; it keeps no state over a restart. */
  readonly folder: string;
  /** The addresses that LocalStack listens on; 127.0.0.1 is the first. */
  readonly hosts: readonly string[];
  readonly port: number;
  readonly services: readonly string[];
  /** More settings of LocalStack, as `NAME=value`. */
  readonly settings?: readonly string[];
  /** The arguments of Python that replace LocalStack's own start. */
  readonly start?: readonly string[];
};

export type Localstack = {
  readonly endpoint: string;
  /** Settles if LocalStack ends before `close`; the error says how. */
  readonly failed: Promise<Error>;
  readonly close: () => Promise<void>;
};

const readyWithinMs = 60_000;
const graceMs = 10_000;

/**
 * With these settings LocalStack downloads nothing, reports nothing, and does not assume that it runs in its own
 * container.
 */
const settingsOf = ({
  folder,
  hosts,
  port,
  services,
  settings = [],
}: LocalstackOptions): readonly string[] => [
  'OVERRIDE_IN_DOCKER=0',
  `FILESYSTEM_ROOT=${join(folder, 'localstack')}`,
  `GATEWAY_LISTEN=${hosts.map((host) => `${host}:${port}`).join(',')}`,
  'GATEWAY_SERVER=hypercorn',
  'DISABLE_EVENTS=1',
  'SKIP_SSL_CERT_DOWNLOAD=1',
  'DNS_ADDRESS=0',
  `SERVICES=${services.join(',')}`,
  'STRICT_SERVICE_LOADING=1',
  'EAGER_SERVICE_LOADING=1',
  ...settings,
];

const isTaken = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    const settle = (is: boolean) => {
      socket.destroy();
      resolve(is);
    };
    socket.once('connect', () => settle(true)).once('error', () => settle(false));
  });

const isReady = async (endpoint: string): Promise<boolean> => {
  try {
    return (await fetch(`${endpoint}/_localstack/health`)).ok;
  } catch {
    return false;
  }
};

const endOf = (child: ChildProcess): Promise<string> =>
  new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => resolve(signal ?? `exit code ${code}`));
  });

/** Ends the processes that an earlier run left in `folder`, starts LocalStack and returns when it answers. */
export const startLocalstack = async (options: LocalstackOptions): Promise<Localstack> => {
  const { programs, folder, port } = options;
  const pidFile = join(folder, 'localstack.pid');
  await endRememberedChild(pidFile);
  if (await isTaken(port)) {
    throw failure(`port ${port} is in use: stop what listens there, or set LOCALSTACK_PORT`);
  }
  mkdirSync(join(folder, 'localstack'), { recursive: true });
  const { start = ['-m', 'localstack.runtime.main'] } = options;
  const program = [join(programs, 'python'), ...start];
  const child = startChild('env', [...settingsOf(options), ...program], folder);
  rememberChild(pidFile, child);
  const logFile = join(folder, 'localstack.log');
  child.stderr?.pipe(createWriteStream(logFile));
  let isClosing = false;
  const ended = endOf(child);
  const endpoint = `http://127.0.0.1:${port}`;
  const deadline = performance.now() + readyWithinMs;
  while (!(await isReady(endpoint))) {
    if (child.exitCode !== null || performance.now() > deadline) {
      await endChild(child, 0);
      throw failure(`LocalStack did not start: see ${logFile}`);
    }
    await sleep(50);
  }
  return {
    endpoint,
    failed: new Promise((resolve) => {
      void ended.then((how) => {
        if (!isClosing) resolve(failure(`LocalStack ended (${how}): see ${logFile}`));
      });
    }),
    close: async () => {
      isClosing = true;
      await endChild(child, graceMs);
    },
  };
};
