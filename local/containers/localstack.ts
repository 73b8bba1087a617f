/** Runs LocalStack as a program on this machine, without a container and without a token. */
import { createWriteStream, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { isOk, isServed, readPort } from '../../host/process/ports.ts';
import { endRememberedChild } from '../../host/process/process-record.ts';
import { programTimes } from '../../host/process/program-times.ts';
import { startChild, supervise } from '../../host/process/supervisor.ts';
import { failure } from '../../system/failures.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export type LocalstackOptions = {
  /** The folder with the programs of the Python environment that has LocalStack. */
  readonly programs: string;
  /** The folder for its pid, its log and its working files. It keeps no state over a restart. */
  readonly folder: string;
  /** LocalStack listens on this address, and on 127.0.0.1. */
  readonly host: string;
  readonly port: number;
  readonly services: readonly string[];
  /** Additional settings of LocalStack. */
  readonly settings?: Environment;
  /** Arguments for Python that replace LocalStack's own start. */
  readonly start?: readonly string[];
};

export type Localstack = {
  readonly endpoint: string;
  /** Settles if LocalStack ends before `close`; the error says how. */
  readonly failed: Promise<Error>;
  readonly close: () => Promise<void>;
};

/** Returns LocalStack's own port unless `LOCALSTACK_PORT` names another one. */
export const readLocalstackPort = (): number => readPort(4_566, 'LOCALSTACK_PORT', 1);

/**
 * With these settings LocalStack downloads nothing, reports nothing, and does not assume that it
 * runs in its own container.
 */
const settingsOf = ({
  folder,
  host,
  port,
  services,
  settings,
}: LocalstackOptions): Environment => ({
  OVERRIDE_IN_DOCKER: '0',
  FILESYSTEM_ROOT: join(folder, 'localstack'),
  GATEWAY_LISTEN: [...new Set(['127.0.0.1', host])].map((one) => `${one}:${port}`).join(','),
  GATEWAY_SERVER: 'hypercorn',
  DISABLE_EVENTS: '1',
  SKIP_SSL_CERT_DOWNLOAD: '1',
  DNS_ADDRESS: '0',
  SERVICES: services.join(','),
  STRICT_SERVICE_LOADING: '1',
  EAGER_SERVICE_LOADING: '1',
  ...settings,
});

/**
 * Ends the processes that an earlier run left in `folder`, starts LocalStack and returns when it
 * answers.
 */
export const startLocalstack = async (options: LocalstackOptions): Promise<Localstack> => {
  const { programs, folder, port } = options;
  const pidFile = join(folder, 'localstack.pid');
  await endRememberedChild(pidFile);
  if (await isServed(port)) {
    throw failure(`port ${port} is in use: stop what listens there, or set LOCALSTACK_PORT`);
  }
  mkdirSync(join(folder, 'localstack'), { recursive: true });
  const { start = ['-m', 'localstack.runtime.main'] } = options;
  const python = join(programs, 'python');
  const logFile = join(folder, 'localstack.log');
  const endpoint = `http://127.0.0.1:${port}`;
  const { failed, close } = await supervise({
    pidFile,
    launch: () => {
      const child = startChild(python, start, folder, settingsOf(options));
      child.stderr?.pipe(createWriteStream(logFile));
      return child;
    },
    start: {
      isDone: () => isOk(`${endpoint}/_localstack/health`),
      askEveryMs: 50,
      withinMs: programTimes.serviceStartMs,
      failed: () => failure(`LocalStack did not start: see ${logFile}`),
    },
    graceMs: programTimes.toolEndMs,
    onEnd: ({ how }) => {
      throw failure(`LocalStack ended (${how}): see ${logFile}`);
    },
  });
  return { endpoint, failed, close };
};
