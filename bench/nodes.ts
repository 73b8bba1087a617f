/**
 * Three vault nodes as three machines run them, but on this one. `npm run cluster` would have the nodes reach each other
 * through proxies, which take a twentieth of the processor time of a write.
 */
import { openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { initCluster } from '../local/cluster/init.ts';
import { openLayout } from '../local/cluster/layout.ts';
import { openTokenKey } from '../local/identity/token-key.ts';
import { endChild, startProgram } from '../local/process/supervisor.ts';
import { failure } from '../system/failures.ts';
import { environment, graceMs, root, scope } from './subjects.ts';

const host = '127.0.0.1';
const startLimitMs = 90_000;

export type Nodes = {
  readonly urls: readonly string[];
  readonly tokenOf: (tenant: string) => Promise<string>;
  readonly close: () => Promise<void>;
};

/** Starts three nodes on a new folder, and waits until each serves. Throws a sentence with the log of one that does not. */
export const startNodes = async (folder: string): Promise<Nodes> => {
  const { nodes, keyFolder, clusterFile } = await openLayout(folder, 0);
  await initCluster({
    ...{ folder: keyFolder, clusterFile },
    nodes: nodes
      .map(({ node, etcdPort, peerPort }) => `${node}=${host}:${etcdPort}:${peerPort}`)
      .join(','),
  });
  const started = nodes.map(({ node, port }) => {
    const file = join(folder, `node-${node}.log`);
    const log = openSync(file, 'a');
    const child = startProgram(process.execPath, [join(root, 'local', 'bin', 'node.ts')], {
      cwd: root,
      env: environment({
        VAULT_DATA_DIR: join(folder, `node-${node}`),
        VAULT_CLUSTER_FILE: clusterFile,
        VAULT_MASTER_KEY_FILE: join(keyFolder, 'kms.json'),
        VAULT_NODE: String(node),
        PORT: String(port),
      }),
      stdio: ['ignore', log, log],
    });
    return { child, file };
  });
  const close = async () => {
    await Promise.all(started.map(({ child }) => endChild(child, graceMs)));
  };
  const until = performance.now() + startLimitMs;
  for (const { child, file } of started) {
    while (!/^vault listening on /m.test(readFileSync(file, 'utf8'))) {
      if (child.exitCode !== null || performance.now() > until) {
        await close();
        throw failure(`a node did not start: ${readFileSync(file, 'utf8').slice(-2_000)}`);
      }
      await sleep(50);
    }
  }
  const key = await openTokenKey(keyFolder);
  return {
    urls: nodes.map(({ port }) => `http://${host}:${port}`),
    tokenOf: (tenant) => key.issue({ tenant, sub: 'bench', scope }, 3_600),
    close,
  };
};
