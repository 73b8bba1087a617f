/** `npm run cluster` as a process on a folder, with the commands that a person would type. */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll } from '@jest/globals';
import { sendCommand } from '../../local/cluster/control.ts';
import type { ClusterStatus } from '../../local/cluster/status.ts';
import type { ConsoleVault } from './console-process.ts';
import { freshFolder, type LocalProcess, lineOf, runLocal } from './local-process.ts';
import { issueToken } from './tokens.ts';

type Reply = { readonly status: number; readonly body: Readonly<Record<string, unknown>> };

type Call = { readonly body?: unknown; readonly key?: string; readonly limitMs?: number };

export type ClusterProcess = {
  readonly folder: string;
  readonly process: LocalProcess;
  readonly command: (...args: readonly string[]) => Promise<{ code: number | null; text: string }>;
  readonly status: () => Promise<ClusterStatus>;
  readonly urlOf: (node: number) => string;
  /** Sends a request to a node. Status 0 means that no answer came within the limit. */
  readonly ask: (node: number, method: string, path: string, call?: Call) => Promise<Reply>;
  /** The pids of the processes of a node, such as `node-2`, from their pidfiles. */
  readonly pids: (member: string) => readonly number[];
  readonly end: (signal: NodeJS.Signals) => Promise<number | null>;
};

const startLimitMs = 60_000;

export const isAlive = (pid: number): boolean => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return !stat.slice(stat.lastIndexOf(')')).startsWith(') Z');
  } catch {
    return false;
  }
};

/**
 * Starts a cluster and waits until it is ready. `settings` are added to its environment, which its
 * nodes inherit.
 */
export const startCluster = async (
  folder = freshFolder(),
  settings: Readonly<Record<string, string>> = {},
): Promise<ClusterProcess> => {
  const env = { ...settings, VAULT_DATA_DIR: folder, CLUSTER_PORT: '0' };
  const process = runLocal('cluster', [], env);
  const urls = (await lineOf(process, /^cluster listening on (.+)$/, startLimitMs)).split(' ');
  const token = issueToken(join(folder, 'key'), { tenant: 'cluster-test' });
  const command: ClusterProcess['command'] = async (...args) => {
    const { exit, output, errors } = runLocal('cluster', args, env);
    const code = await exit;
    return { code, text: [...output, ...errors].join('\n') };
  };
  return {
    folder,
    process,
    command,
    // Gets the same status as `npm run cluster` prints, but without a new process each time.
    status: async () => JSON.parse(await sendCommand(folder, { action: 'status', json: true })),
    urlOf: (node) => urls[node - 1] ?? '',
    ask: async (node, method, path, { body, key, limitMs = 15_000 } = {}) => {
      try {
        const reply = await fetch(`${urls[node - 1]}${path}`, {
          method,
          headers: {
            Authorization: `Bearer ${token}`,
            'Content-Type': 'application/json',
            ...(key !== undefined && { 'Idempotency-Key': key }),
          },
          ...(body !== undefined && { body: JSON.stringify(body) }),
          signal: AbortSignal.timeout(limitMs),
        });
        return { status: reply.status, body: (await reply.json()) as Reply['body'] };
      } catch {
        return { status: 0, body: {} };
      }
    },
    pids: (member) =>
      ['process.pid', 'etcd.pid']
        .map((file) => join(folder, member, file))
        .filter((file) => existsSync(file))
        .map((file) => JSON.parse(readFileSync(file, 'utf8')).pid),
    end: async (signal) => {
      process.child.kill(signal);
      return await process.exit;
    },
  };
};

export const endCluster = async ({ folder, end }: ClusterProcess): Promise<void> => {
  await end('SIGTERM');
  rmSync(folder, { recursive: true, force: true });
};

/**
 * Starts one cluster for all tests of a file or a `describe`. `vaultOf` describes a node in the
 * form that a console needs.
 */
export const useCluster = (
  tenant = 'cluster-test',
): {
  readonly cluster: () => ClusterProcess;
  readonly vaultOf: (node: number) => ConsoleVault;
} => {
  let cluster: ClusterProcess;
  beforeAll(async () => {
    cluster = await startCluster();
  });
  afterAll(() => endCluster(cluster));
  const vaultOf = (node: number): ConsoleVault => ({
    baseUrl: () => cluster.urlOf(node),
    token: (claims) => issueToken(join(cluster.folder, 'key'), { tenant, ...claims }),
    get dataDir() {
      return cluster.folder;
    },
  });
  return { cluster: () => cluster, vaultOf };
};
