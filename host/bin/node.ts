/**
 * `node host/bin/node.ts` runs one of several vault nodes: one process with its etcd as a child,
 * and one data folder.
 */
import { createIdentity } from '../../functions/http/identity.ts';
import { machineClock } from '../../functions/runtime/clock.ts';
import { writeToOutput } from '../../functions/runtime/log-line.ts';
import { tableName } from '../etcd/stored-items.ts';
import { serveApi } from '../gateway/api-port.ts';
import { createHostApi } from '../gateway/host-api.ts';
import { openMetrics } from '../http/metrics-port.ts';
import { openServingCertificate } from '../http/serving-certificate.ts';
import { policyVariable } from '../identity/access-policy.ts';
import { openIdentity } from '../identity/open-identity.ts';
import { masterKeyFile } from '../kms/key-file.ts';
import { warningOfKey } from '../kms/key-warning.ts';
import { readClusterFile } from '../node/cluster-file.ts';
import { startNode } from '../node/node.ts';
import { readClusterFileName, readNodeConfig } from '../node/node-config.ts';
import { openNodeKey } from '../node/node-key.ts';
import { dataFolderOf, lockDataFolder, openDataFolder } from '../process/data-folder.ts';
import { untilSignal } from '../process/ending.ts';
import { createHostLog } from '../process/host-log.ts';
import { readPort } from '../process/ports.ts';
import { newProgram, report, runProgram, say } from '../process/program.ts';
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
  const identity = createIdentity(machineClock);
  const metrics = await openMetrics(identity.state);
  const { observe } = metrics;
  const log = createHostLog(process.env, { write: writeToOutput, observe });
  const file = masterKeyFile(folder, process.env);
  const key = await openNodeKey(cluster.key, file, warningOfKey(log));
  const node = await startNode({ config, folder, cluster, masterKey: key.state, report });
  try {
    const { vaultId } = cluster;
    // A node takes no issuer from the `AUTH_…` variables, so that all nodes decide alike.
    const { [policyVariable]: policyFile } = process.env;
    const source = policyFile ? { file: policyFile } : 'local';
    const policy = openIdentity(source, cluster.jwks, { identity, log, report });
    const endMetrics = await metrics.serve(report, async (registry) =>
      (await import('../node/node-metrics.ts')).addNodeMetrics(registry, node.status),
    );
    // The port is open before the node serves. Until the node serves, it refuses every request and
    // says why.
    const running = {
      ...key.running,
      ...{ vaultId, tableName, takesLocalTokens: policy.takesLocalTokens },
    };
    const { itemsOf, status } = node;
    const api = createHostApi({
      ...{ vaultId, itemsOf, masterKey: key.service, identity, log, node: status, report },
    });
    const served = await serveApi({ api, port, certificate, folder, running, log, report });
    void node.serving.then(() => say(`vault listening on ${served.url}`));
    const lost = await Promise.race([signal, node.failed]);
    await served.close(programTimes.requestsEndMs);
    await endMetrics();
    policy.close();
    if (lost) throw lost;
  } finally {
    await node.close();
    lock.release();
  }
});

await runProgram(program);
