/**
 * Starts a Docker daemon if none runs: on Debian, as root, it installs and starts Debian's own. A daemon
 * that runs already stays as it is.
 */
import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import * as v from 'valibot';
import { findDaemon, requireDocker } from '../../../local/containers/docker.ts';
import { isRunning, processRecord, rememberChild } from '../../../local/process/process-record.ts';
import { run } from '../../../local/process/run.ts';
import { failure } from '../../../system/failures.ts';
import { readFileIfPresent } from '../../../system/files.ts';
import { findProgram } from '../../../system/programs.ts';

const packages = ['docker.io', 'iptables', 'ca-certificates', 'docker-compose'];

const readyWithinMs = 30_000;
const goneWithinMs = 30_000;

/**
 * The file that records the daemon that this program started. The daemon's own pid file is beside it, so two of our
 * daemons never run at the same time.
 */
const recordFileOf = (folder: string): string => join(folder, 'dockerd.json');

/** Whether compose is here, in either of its two forms. */
const hasCompose = (): Promise<boolean> =>
  run('docker', ['compose', 'version']).then(
    () => true,
    () => findProgram('docker-compose') !== undefined,
  );

/**
 * Installs Docker and compose, only if no daemon runs, so that an existing installation stays as it is. A machine
 * without compose counts as not set up.
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
 * Returns when a daemon answers, and tells whether this call started it. `folder` keeps its pid, for `stopDaemon`, and
 * its log. Throws one sentence if no daemon can be started.
 */
export const startDaemon = async (
  folder: string,
  say: (line: string) => void,
): Promise<{ readonly isOurs: boolean }> => {
  const missing = await findDaemon();
  if (missing === undefined) return { isOurs: false };
  // As another user this throws the sentence that says what to do.
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
      // The daemon outlives the run of the tests, whose folder of temporary files is removed.
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

/** Ends the daemon that `startDaemon` started with this folder, and tells whether there was one. */
export const stopDaemon = async (folder: string): Promise<boolean> => {
  const file = recordFileOf(folder);
  const text = readFileIfPresent(file);
  if (text === undefined) return false;
  const record = v.parse(processRecord, JSON.parse(text));
  const isThere = isRunning(record);
  if (isThere) process.kill(record.pid, 'SIGTERM');
  const deadline = performance.now() + goneWithinMs;
  while (isRunning(record)) {
    if (performance.now() > deadline) {
      throw failure(`the Docker daemon (pid ${record.pid}) has not ended: ${folder} has its log`);
    }
    await sleep(50);
  }
  rmSync(file);
  return isThere;
};
