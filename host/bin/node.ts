/**
 * `node host/bin/node.ts` runs one of several vault nodes: one process with its etcd as a child,
 * and one data folder.
 */
import { policyVariable } from '../../functions/runtime/config.ts';
import { useHome } from '../../functions/runtime/home.ts';
import { tableName } from '../etcd/stored-items.ts';
import { serveApi } from '../gateway/api-port.ts';
import { applyEnvironment, localIdentity } from '../gateway/functions.ts';
import { serveMetrics } from '../http/metrics-port.ts';
import { openServingCertificate } from '../http/serving-certificate.ts';
import { followPolicyFile } from '../identity/access-policy.ts';
import { masterKeyFile } from '../kms/key-file.ts';
import { readClusterFile } from '../node/cluster-file.ts';
import { startNode } from '../node/node.ts';
import { readClusterFileName, readNodeConfig } from '../node/node-config.ts';
import { openNodeKey } from '../node/node-key.ts';
import { dataFolderOf, lockDataFolder, openDataFolder } from '../process/data-folder.ts';
import { untilSignal } from '../process/ending.ts';
import { readPort } from '../process/ports.ts';
import { newProgram, report, runProgram } from '../process/program.ts';
import { programTimes } from '../process/program-times.ts';

const program = newProgram(
  'node host/bin/node.ts',
  'runs one vault node of several until it is asked to end; docs/configuration.md has the variables that it reads',
  ['npm run cluster starts three of them'],
);

program.action(async () => {
  const clusterFile = readClusterFileName(process.env);
  const port = readPort(3000);
  const certificate = openServingCertificate(process.env);
  const folder = dataFolderOf(process.env);
  openDataFolder(folder);
  const lock = lockDataFolder(folder);
  const signal = untilSignal();
  const cluster = readClusterFile(clusterFile);
  const config = readNodeConfig(process.env, cluster.nodes);
  const key = openNodeKey(cluster.key, masterKeyFile(folder, process.env));
  const node = await startNode({
    config,
    folder,
    cluster,
    masterKey: key.state,
    report,
  });
  try {
    applyEnvironment({
      VAULT_ID: cluster.vaultId,
      TABLE_NAME: tableName,
      ...localIdentity(cluster.jwks),
      ...key.environment,
    });
    useHome({ itemsOf: node.itemsOf, ...(key.service && { masterKey: key.service }) });
    const file = process.env[policyVariable];
    const policy = file ? followPolicyFile(file, cluster.jwks, report) : undefined;
    const endMetrics = await serveMetrics(report, async (registry) =>
      (await import('../node/node-metrics.ts')).addNodeMetrics(registry, node.status),
    );
    // The port is open before the node serves. Until the node serves, it refuses every request and
    // says why.
    const running = {
      ...key.running,
      vaultId: cluster.vaultId,
      tableName,
      takesLocalTokens: policy?.takesLocalTokens ?? true,
    };
    const api = await serveApi({ port, certificate, folder, running, node: node.status, report });
    void node.serving.then(() => process.stdout.write(`vault listening on ${api.url}\n`));
    const lost = await Promise.race([signal, node.failed]);
    await api.close(programTimes.requestsEndMs);
    await endMetrics();
    policy?.close();
    if (lost) throw lost;
  } finally {
    await node.close();
    lock.release();
  }
});

await runProgram(program);
