/**
 * Three vault nodes on this machine, connected as on three machines. The bench starts them itself,
 * because in `npm run cluster` they reach each other through proxies, which take a twentieth of the
 * processor time of a write.
 */
import { join } from 'node:path';
import { initCluster } from '../host/node/init.ts';
import { openLayout } from '../host/node/layout.ts';
import { issueToken, startServing } from './programs.ts';

const host = '127.0.0.1';

/** Starts three nodes in the folder; returns when each serves. */
export const startNodes = async (
  folder: string,
): Promise<{ readonly urls: readonly string[]; readonly token: string }> => {
  const { nodes, keyFolder, clusterFile } = await openLayout(folder, 0);
  await initCluster({
    ...{ folder: keyFolder, clusterFile },
    nodes: nodes
      .map(({ node, etcdPort, peerPort }) => `${node}=${host}:${etcdPort}:${peerPort}`)
      .join(','),
  });
  const serving = nodes.map(({ node, port }) =>
    startServing('node.ts', join(folder, `node-${node}.log`), {
      VAULT_DATA_DIR: join(folder, `node-${node}`),
      VAULT_CLUSTER_FILE: clusterFile,
      VAULT_MASTER_KEY_FILE: join(keyFolder, 'kms.json'),
      VAULT_NODE: String(node),
      PORT: String(port),
    }),
  );
  const urls = (await Promise.all(serving)).map(({ url }) => url);
  return { urls, token: await issueToken(keyFolder) };
};
