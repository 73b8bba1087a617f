/**
 * The three nodes of the story: `npm run cluster` on a folder, controlled as a user would from a
 * second terminal. Also waits for conditions.
 */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openTokenKey } from '../../host/identity/token-key.ts';
import { type KeyState, masterKeyFile, setKeyState } from '../../host/kms/key-file.ts';
import { root } from '../../host/process/data-folder.ts';
import { startProgram } from '../../host/process/supervisor.ts';
import { failure } from '../../system/failures.ts';
import { parseCommand } from '../cluster/commands.ts';
import { sendCommand } from '../cluster/control.ts';
import type { ClusterStatus } from '../cluster/status.ts';

const startLimitMs = 90_000;
const tokenLifetimeS = 3_600;
const pollMs = 50;
const scope = 'secrets:read secrets:write secrets:delete secrets:destroy';
const ready = /^cluster listening on (.+)$/m;

/** The numbers from 1 to `count`. */
export const countTo = (count: number): readonly number[] =>
  Array.from({ length: count }, (_, index) => index + 1);

/** The numbers of the nodes. */
export const all = countTo(3);

/**
 * Starts a cluster on the folder and returns the addresses that it prints. If it does not start,
 * throws an error with its last line.
 */
const startCluster = async (folder: string): Promise<readonly string[]> => {
  const child = startProgram(process.execPath, [join(root, 'local', 'bin', 'cluster.ts')], {
    cwd: root,
    // With port 0 the nodes get free ports, unless the user names some in CLUSTER_PORT.
    env: { CLUSTER_PORT: '0', ...process.env, VAULT_DATA_DIR: folder },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [printed, said] = ['', ''];
  child.stdout?.on('data', (chunk: Buffer) => {
    printed += chunk;
  });
  child.stderr?.on('data', (chunk: Buffer) => {
    said = `${said}${chunk}`.slice(-2_000);
  });
  await becomesTrue(startLimitMs, () => ready.test(printed) || child.exitCode !== null);
  const [, urls] = ready.exec(printed) ?? [];
  if (urls !== undefined) return urls.split(' ');
  const why = said.trim() || `it is not ready after ${startLimitMs / 1000} s`;
  throw failure(`the cluster did not start: ${why}`);
};

export type Nodes = Awaited<ReturnType<typeof startNodes>>;

/** Starts the nodes. They end with this program. */
export const startNodes = async (folder: string) => {
  const urls = await startCluster(folder);
  const keyFolder = join(folder, 'key');
  const tokenKey = await openTokenKey(keyFolder);
  const tenant = `demo-${randomBytes(4).toString('hex')}`;
  const command = (action: 'kill' | 'start') => async (target: number) =>
    void (await sendCommand(folder, parseCommand(JSON.stringify({ action, target }))));
  return {
    /** The vaults' addresses, beginning with node 1. */
    urls,
    /** A token of a tenant that no earlier story on the folder has used. */
    token: await tokenKey.issue({ tenant, sub: 'demo', scope }, tokenLifetimeS),
    /** Ends a node and its children immediately, as a power cut would. */
    kill: command('kill'),
    /** Starts a killed node, without waiting until it serves. */
    start: command('start'),
    setKey: (state: KeyState) => setKeyState(masterKeyFile(keyFolder, process.env), state),
    status: async () =>
      JSON.parse(await sendCommand(folder, { action: 'status', json: true })) as ClusterStatus,
  };
};

/** Whether all nodes serve, and have applied all revisions, within the limit. */
export const areServing = (nodes: Nodes, limitMs: number): Promise<boolean> =>
  becomesTrue(limitMs, async () => {
    const { nodes: states } = await nodes.status();
    return states.every(({ alive, state, lag }) => alive && state === 'serving' && lag === 0);
  });

/** Whether all nodes reach one revision with the same digest within the limit. */
export const areAtRest = (nodes: Nodes, limitMs: number): Promise<boolean> =>
  becomesTrue(limitMs, async () => {
    const { nodes: states, equal } = await nodes.status();
    const points = states.map(({ appliedRevision, digest }) => `${appliedRevision} ${digest}`);
    return equal && new Set(points).size === 1 && states.every(({ alive }) => alive);
  });

/**
 * Returns whether the condition comes true within the limit. A condition that throws is not yet
 * true.
 */
export const becomesTrue = async (
  limitMs: number,
  condition: () => Promise<boolean> | boolean,
): Promise<boolean> => {
  const until = performance.now() + limitMs;
  for (;;) {
    const isTrue = await Promise.resolve()
      .then(condition)
      .catch(() => false);
    if (isTrue || performance.now() > until) return isTrue;
    await sleep(pollMs);
  }
};
