/**
 * The program of a node as a child of this process: started, ended, killed and paused together with
 * its own children.
 */
import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { NodeLayout } from '../../host/node/layout.ts';
import { nodeTimes } from '../../host/node/node-times.ts';
import { openDataFolder, root } from '../../host/process/data-folder.ts';
import { logLines, openLogFile } from '../../host/process/log-file.ts';
import {
  endRememberedChild,
  findRememberedChild,
  isRunning,
  type ProcessRecord,
} from '../../host/process/process-record.ts';
import { type Supervision, startChild, supervise } from '../../host/process/supervisor.ts';
import { failure } from '../../system/failures.ts';

/** `ended`: the program ended by itself. */
type ProgramState = 'running' | 'paused' | 'stopped' | 'killed' | 'ended';

export type NodeProgram = {
  readonly state: () => ProgramState;
  /** Settles with true when the program serves, or with false if it ends before that. */
  readonly serves: () => Promise<boolean>;
  /**
   * The five commands throw a sentence if the program's state forbids them, and return when they
   * are done.
   */
  readonly start: () => Promise<void>;
  readonly stop: () => Promise<void>;
  readonly kill: () => Promise<void>;
  readonly pause: () => void;
  readonly resume: () => void;
};

const script = 'host/bin/node.ts';
/** The line that the program prints once it serves. */
const ready = /^vault listening on /m;
/** The files in the node's folder that keep the pids of the program and of its etcd. */
const [pidFile, etcdPidFile] = ['process.pid', 'etcd.pid'];

/** Kills the program and its own children; returns when all of them are gone. */
const killAll = async (records: readonly ProcessRecord[]): Promise<void> => {
  signalAll(records, 'SIGKILL');
  while (records.some(isRunning)) await sleep(5);
};

const signalAll = (records: readonly ProcessRecord[], signal: NodeJS.Signals): void => {
  for (const record of records) if (isRunning(record)) process.kill(record.pid, signal);
};

/**
 * Writes the child's output to its log. Resolves with whether it prints the ready line before it
 * ends.
 */
const followOutput = (child: ChildProcess, folder: string): Promise<boolean> => {
  const log = openLogFile(join(folder, 'log'));
  for (const stream of [child.stdout, child.stderr]) if (stream) logLines(stream, log);
  return new Promise((resolve) => {
    let text: string | undefined = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      if (text === undefined) return;
      text += chunk.toString('utf8');
      if (!ready.test(text)) return;
      text = undefined;
      resolve(true);
    });
    child.once('close', () => {
      log.close();
      resolve(false);
    });
  });
};

/**
 * Ends the program and the etcd that an earlier run may have left, as the pid files in the node's
 * folder say, and starts nothing yet. `report` is called with one line if the program ends by
 * itself.
 */
export const createNodeProgram = async (
  { node, folder }: NodeLayout,
  environment: NodeJS.ProcessEnv,
  report: (line: string) => void,
): Promise<NodeProgram> => {
  let state: ProgramState = 'stopped';
  let isReady = Promise.resolve(false);
  let supervised: Promise<Supervision> | undefined;

  const ownFile = join(folder, pidFile);
  const files = [ownFile, join(folder, etcdPidFile)];
  const records = (): readonly ProcessRecord[] =>
    files.map(findRememberedChild).filter((record) => record !== undefined);
  for (const file of files) await endRememberedChild(file);

  const require = (isAllowed: boolean, sentence: string): void => {
    if (!isAllowed) throw failure(`node ${node} ${sentence}`);
  };

  const launch = (): ChildProcess => {
    openDataFolder(folder);
    const variables = { ...process.env, ...environment };
    const child = startChild(process.execPath, [script], root, variables, 'pipe');
    isReady = followOutput(child, folder);
    return child;
  };
  const start = async (): Promise<void> => {
    require(state !== 'running' && state !== 'paused', 'runs already');
    state = 'running';
    supervised = supervise({
      pidFile: ownFile,
      launch,
      graceMs: nodeTimes.nodeEndMs,
      onEnd: ({ how, lastWords }) => {
        state = 'ended';
        const sentence = `node ${node} ended by itself (${how}): ${lastWords}`;
        report(sentence);
        throw failure(sentence);
      },
    });
    await supervised;
  };
  const end = async (next: 'stopped' | 'killed', signal: 'SIGCONT' | 'SIGKILL') => {
    require(state === 'running' || state === 'paused', 'does not run');
    state = next;
    const running = await supervised;
    signalAll(records(), signal);
    await running?.close();
    await killAll(records());
  };
  return {
    state: () => state,
    serves: () => isReady,
    start,
    // A paused process does not receive SIGTERM until it is continued.
    stop: () => end('stopped', 'SIGCONT'),
    kill: () => end('killed', 'SIGKILL'),
    pause: () => {
      require(state === 'running', state === 'paused' ? 'is paused already' : 'does not run');
      state = 'paused';
      signalAll(records(), 'SIGSTOP');
    },
    resume: () => {
      require(state === 'paused', 'is not paused');
      state = 'running';
      signalAll(records(), 'SIGCONT');
    },
  };
};
