/**
 * Runs the nodes of the demo as processes: it runs `npm run cluster` on a folder and controls it as a person
 * would from a second terminal.
 */
import type { ChildProcess } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { failure } from '../../system/failures.ts';
import { parseCommand } from '../cluster/commands.ts';
import { sendCommand } from '../cluster/control.ts';
import type { ClusterStatus } from '../cluster/status.ts';
import { openTokenKey } from '../identity/token-key.ts';
import { masterKeyFile, setKeyState } from '../kms/key-file.ts';
import { closeAtEnd } from '../process/ending.ts';
import { endChild, startProgram } from '../process/supervisor.ts';
import { type Nodes, scopes } from './nodes.ts';

const startLimitMs = 90_000;
const stopLimitMs = 30_000;
const tokenLifetimeS = 3_600;
const ready = /^cluster listening on (.+)$/m;

export type ProcessesOptions = {
  /** Holds `local/` and node_modules. */
  readonly root: string;
  readonly folder: string;
  /** Whether the folder is removed when the nodes end. */
  readonly isTemporary: boolean;
};

/**
 * Resolves with the addresses that the cluster prints once it serves. Rejects with the cluster's output if it
 * ends or is not ready in time.
 */
const untilReady = (child: ChildProcess): Promise<readonly string[]> =>
  new Promise((resolve, reject) => {
    let [printed, said] = ['', ''];
    const fail = (why: string) =>
      reject(failure(`the cluster did not start: ${said.trim() || why}`));
    const timer = setTimeout(fail, startLimitMs, `it is not ready after ${startLimitMs / 1000} s`);
    child.stdout?.on('data', (chunk: Buffer) => {
      printed += chunk;
      const [, urls] = ready.exec(printed) ?? [];
      if (urls === undefined) return;
      clearTimeout(timer);
      resolve(urls.split(' '));
    });
    child.stderr?.on('data', (chunk: Buffer) => {
      said = `${said}${chunk}`.slice(-2_000);
    });
    child.once('close', () => {
      clearTimeout(timer);
      fail('it ended without a word');
    });
  });

/** Starts a cluster on the folder, on ports of its own unless `CLUSTER_PORT` names them. */
export const startProcesses = async (options: ProcessesOptions): Promise<Nodes> => {
  const { root, folder, isTemporary } = options;
  // Closers run in reverse order, so the folder is removed after the cluster ends.
  closeAtEnd(() => {
    if (isTemporary) rmSync(folder, { recursive: true, force: true });
  });
  const child = startProgram(process.execPath, [join(root, 'local', 'bin', 'cluster.ts')], {
    cwd: root,
    env: { CLUSTER_PORT: '0', ...process.env, VAULT_DATA_DIR: folder },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const close = async () => {
    await endChild(child, stopLimitMs);
    if (isTemporary) rmSync(folder, { recursive: true, force: true });
  };
  const command = (action: 'kill' | 'start') => async (target: number) =>
    void (await sendCommand(folder, parseCommand(JSON.stringify({ action, target }))));
  try {
    const urls = await untilReady(child);
    const keyFolder = join(folder, 'key');
    const keyFile = masterKeyFile(keyFolder, process.env);
    const tokenKey = await openTokenKey(keyFolder);
    return {
      urls,
      kill: command('kill'),
      start: command('start'),
      disableKey: async () => setKeyState(keyFile, 'Disabled'),
      enableKey: async () => setKeyState(keyFile, 'Enabled'),
      status: async () =>
        JSON.parse(await sendCommand(folder, { action: 'status', json: true })) as ClusterStatus,
      tokenOf: (tenant) => tokenKey.issue({ tenant, sub: 'demo', scope: scopes }, tokenLifetimeS),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
};
