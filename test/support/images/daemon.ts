/**
 * Starts a Docker daemon if none runs. On Debian, as root, it installs and starts Debian's own. A
 * daemon that is already running is left alone.
 */
import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  findRememberedChild,
  isRunning,
  rememberChild,
} from '../../../host/process/process-record.ts';
import { run } from '../../../host/process/run.ts';
import { findDaemon, requireDocker } from '../../../local/containers/docker.ts';
import { failure } from '../../../system/failures.ts';
import { findProgram } from '../../../system/programs.ts';

const packages = ['docker.io', 'iptables', 'ca-certificates', 'docker-compose'];

const readyWithinMs = 30_000;
const goneWithinMs = 30_000;

/**
 * Returns the path of the file that records the daemon that this program started. The daemon's
 * pidfile is in the same folder, so this program never runs two daemons at the same time.
 */
const recordFileOf = (folder: string): string => join(folder, 'dockerd.json');

/**
 * Whether Docker's compose is installed, as a plug-in of `docker` or as the program
 * `docker-compose`.
 */
const hasCompose = (): Promise<boolean> =>
  run('docker', ['compose', 'version']).then(
    () => true,
    () => findProgram('docker-compose') !== undefined,
  );

/**
 * Installs Docker and compose. Call it only if no daemon runs, so that an existing installation
 * stays unchanged. Docker without compose counts as not installed.
 */
const installDaemon = async (why: string, say: (line: string) => void): Promise<void> => {
  const hasDaemon = findProgram('dockerd') !== undefined && findProgram('iptables') !== undefined;
  if (hasDaemon && (await hasCompose())) return;
  if (findProgram('apt-get') === undefined) {
    if (hasDaemon) return;
    throw failure(`no Docker daemon answers (${why}): start one; on Debian one is installed here`);
  }
  say(`installing ${packages.join(', ')} with apt-get, as no Docker daemon answers`);
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  await run('apt-get', ['update', '-qq'], { env });
  await run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...packages], { env });
};

const lastLineOf = (file: string): string =>
  readFileSync(file, 'utf8').trim().split('\n').at(-1) ?? '';

/**
 * Returns when a daemon answers; `isOurs` says whether this call started it. `folder` keeps its
 * log, and its pid for `stopDaemon`. Throws a user-facing error if no daemon can be started.
 */
export const startDaemon = async (
  folder: string,
  say: (line: string) => void,
): Promise<{ readonly isOurs: boolean }> => {
  const missing = await findDaemon();
  if (missing === undefined) return { isOurs: false };
  // Only root can install and start Docker. For anybody else, this throws the error that says what
  // to do.
  if (missing.isDenied || process.getuid?.() !== 0) await requireDocker();
  await installDaemon(missing.why, say);
  say('starting a Docker daemon, which stays until node test/support/images/prepare.ts stop');
  mkdirSync(folder, { recursive: true });
  const logFile = join(folder, 'dockerd.log');
  const log = openSync(logFile, 'w');
  const child = spawn(
    'dockerd',
    ['--storage-driver=overlay2', '--pidfile', join(folder, 'dockerd.pid')],
    {
      detached: true,
      stdio: ['ignore', log, log],
      // The daemon outlives the test run, whose temporary folder is removed at the end.
      env: { ...process.env, TMPDIR: undefined },
    },
  );
  closeSync(log);
  child.unref();
  rememberChild(recordFileOf(folder), child);
  const deadline = performance.now() + readyWithinMs;
  while ((await findDaemon()) !== undefined) {
    if (child.exitCode !== null || performance.now() > deadline) {
      child.kill('SIGTERM');
      throw failure(`the Docker daemon did not start: ${lastLineOf(logFile)}`);
    }
    await sleep(100);
  }
  say('started a Docker daemon');
  return { isOurs: true };
};

/** Ends the daemon that `startDaemon` started with this folder. Returns whether it was running. */
export const stopDaemon = async (folder: string): Promise<boolean> => {
  const file = recordFileOf(folder);
  const record = findRememberedChild(file);
  if (record === undefined) return false;
  process.kill(record.pid, 'SIGTERM');
  const deadline = performance.now() + goneWithinMs;
  while (isRunning(record)) {
    if (performance.now() > deadline) {
      throw failure(`the Docker daemon (pid ${record.pid}) has not ended: ${folder} has its log`);
    }
    await sleep(50);
  }
  rmSync(file);
  return true;
};
