/** `npm run cluster` as a process on its own folder, with the commands that a person types. */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { freshFolder, type LocalProcess, lineOf, runLocal } from './local-process.ts';
import { issueToken } from './tokens.ts';

export type NodeStatus = {
  readonly node: number;
  readonly alive: boolean;
  readonly leader: boolean;
  readonly appliedRevision: number | null;
  readonly lag: number | null;
  readonly digest: string | null;
  readonly state: string;
  readonly reason: string | null;
};
export type Status = { readonly nodes: readonly NodeStatus[]; readonly equal: boolean };
type Reply = { readonly status: number; readonly body: Readonly<Record<string, unknown>> };

type Call = { readonly body?: unknown; readonly key?: string; readonly limitMs?: number };

export type ClusterProcess = {
  readonly folder: string;
  readonly process: LocalProcess;
  /** Runs a command. Returns its exit code and output. */
  readonly command: (...args: readonly string[]) => Promise<{ code: number | null; text: string }>;
  readonly status: () => Promise<Status>;
  readonly urlOf: (node: number) => string;
  /** Asks a node. Status 0 means no answer within the limit. */
  readonly ask: (node: number, method: string, path: string, call?: Call) => Promise<Reply>;
  /** The pids of the processes of this node (`node-2`) or of the master key (`key`), from their pid file. */
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

/** Waits for the condition. Throws the last value if the condition does not hold within the limit. */
export const until = async <Seen>(
  see: () => Promise<Seen> | Seen,
  isRight: (seen: Seen) => boolean,
  limitMs = 45_000,
): Promise<Seen> => {
  for (const deadline = Date.now() + limitMs; ; ) {
    const seen = await see();
    if (isRight(seen)) return seen;
    if (Date.now() > deadline) throw new Error(`not in time: ${JSON.stringify(seen)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
};

/** Starts a cluster and waits until it is ready. `settings` add to the environment, also of its nodes. */
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
    status: async () => {
      const { code, text } = await command('status', '--json');
      if (code === 0) return JSON.parse(text);
      throw new Error([text, ...process.errors].join('\n'));
    },
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

/** Ends the cluster and removes its folder. */
export const endCluster = async ({ folder, end }: ClusterProcess): Promise<void> => {
  await end('SIGTERM');
  rmSync(folder, { recursive: true, force: true });
};
