/**
 * The three nodes of the story: `npm run cluster` on a folder, controlled as a user would from a
 * second terminal, and clients of the vault at each node.
 */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient, type VaultClient } from '../../client/index.ts';
import { openTokenKey } from '../../host/identity/token-key.ts';
import { type KeyState, masterKeyFile, setKeyState } from '../../host/kms/key-file.ts';
import { root } from '../../host/process/data-folder.ts';
import { startProgram } from '../../host/process/supervisor.ts';
import { failure } from '../../system/failures.ts';
import { parseCommand } from '../cluster/commands.ts';
import { sendCommand } from '../cluster/control.ts';
import type { ClusterStatus } from '../cluster/status.ts';

const limitMs = 90_000;
const scope = 'secrets:read secrets:write secrets:delete secrets:destroy';
const ready = /^cluster listening on (.+)$/;

/** The numbers from 1 to `count`. */
export const countTo = (count: number): readonly number[] =>
  Array.from({ length: count }, (_, index) => index + 1);

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
  const said: string[] = [];
  const { stdout, stderr } = child;
  const urls = await new Promise<string | undefined>((resolve) => {
    if (stderr) createInterface({ input: stderr }).on('line', (line) => said.push(line));
    if (stdout) {
      createInterface({ input: stdout }).on('line', (line) => {
        const [, printed] = ready.exec(line) ?? [];
        if (printed !== undefined) resolve(printed);
      });
    }
    child.once('close', () => resolve(undefined));
    setTimeout(resolve, limitMs, undefined).unref();
  });
  if (urls !== undefined) return urls.split(' ');
  const why = said.at(-1) ?? `it is not ready after ${limitMs / 1000} s`;
  throw failure(`the cluster did not start: ${why}`);
};

export type Nodes = Awaited<ReturnType<typeof startNodes>>;

/** Starts the nodes. They end with this program. */
export const startNodes = async (folder: string) => {
  const urls = await startCluster(folder);
  const keyFolder = join(folder, 'key');
  // No earlier story on the folder has used this tenant.
  const tenant = `demo-${randomBytes(4).toString('hex')}`;
  const token = await (await openTokenKey(keyFolder)).issue({ tenant, sub: 'demo', scope }, 3_600);

  const command = (action: 'kill' | 'start') => async (target: number) =>
    void (await sendCommand(folder, parseCommand(JSON.stringify({ action, target }))));
  const status = async () =>
    JSON.parse(await sendCommand(folder, { action: 'status', json: true })) as ClusterStatus;

  /** The vault at this node; node 4 is node 1 again. A busy machine needs more than 3 retries. */
  const vault = (node: number, retries = 8): VaultClient =>
    createClient({ addr: urls[(node - 1) % urls.length] ?? '', token, retries });
  return {
    vault,
    /** Ends a node and its children immediately, as a power cut would. */
    kill: command('kill'),
    /** Starts a killed node, without waiting until it serves. */
    start: command('start'),
    status,
    setKey: (state: KeyState) => setKeyState(masterKeyFile(keyFolder, process.env), state),
    /** Whether all nodes come to serve the same data, without anybody's help. */
    areEqual: async (): Promise<boolean> => {
      for (const until = performance.now() + limitMs; performance.now() < until; ) {
        const { nodes, equal } = await status();
        const points = nodes.map(({ appliedRevision, digest }) => `${appliedRevision} ${digest}`);
        const doServe = nodes.every(({ state }) => state === 'serving');
        if (doServe && equal && new Set(points).size === 1) return true;
        await sleep(50);
      }
      return false;
    },
  };
};
