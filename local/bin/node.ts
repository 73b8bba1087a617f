/** `node local/bin/node.ts`: runs one vault node of several, with one process, its etcd as a child, and one data folder. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { localAudience, localIssuer } from '../../functions/access/policy.ts';
import { useTransport } from '../../functions/runtime/clients.ts';
import { policyVariable } from '../../functions/runtime/config.ts';
import { isFailure } from '../../system/failures.ts';
import {
  type ClusterFile,
  createKeyTransport,
  readClusterFile,
  uncheckedKey,
} from '../cluster/cluster-file.ts';
import { ensureTable } from '../dynamodb/table.ts';
import { followPolicyFile } from '../host/access-policy.ts';
import { dataFolderOf, lockDataFolder, openDataFolder, root } from '../host/data-folder.ts';
import { untilSignal } from '../host/ending.ts';
import { applyEnvironment, serveFunctions } from '../host/functions.ts';
import { createTransport } from '../host/in-process.ts';
import { serveMetrics } from '../host/metrics-port.ts';
import { readPort } from '../host/ports.ts';
import { runProgram } from '../host/program.ts';
import { forgetRunning, rememberRunning } from '../host/running.ts';
import { readTemplate, type TableDefinition } from '../host/template.ts';
import { readNodeConfig, tableName } from '../node/config.ts';
import { startNode } from '../node/node.ts';

/** Longer than any request may last. */
const graceMs = 12_000;
const retryMs = 500;
const report = (line: string): void => void process.stderr.write(`${line}\n`);

/** The environment of a node's functions: `store` is the node's own store front, or a proxy to it. */
const environmentOf = ({ vaultId, kms, jwks }: ClusterFile, store: string, front: string) => ({
  VAULT_ID: vaultId,
  TABLE_NAME: tableName,
  AWS_REGION: 'us-east-1',
  AWS_ENDPOINT_URL_DYNAMODB: store,
  AWS_ENDPOINT_URL_KMS: kms.endpoint,
  AWS_ACCESS_KEY_ID: uncheckedKey.accessKeyId,
  AWS_SECRET_ACCESS_KEY: uncheckedKey.secretAccessKey,
  AWS_SESSION_TOKEN: undefined,
  AWS_PROFILE: undefined,
  MASTER_KEY_ID: kms.keyArn,
  AUTH_ISSUER: localIssuer,
  AUTH_AUDIENCE: localAudience,
  AUTH_JWKS: jwks,
  AUTH_JWKS_URL: undefined,
  VAULT_NODE_STATUS_URL: `${front}/status`,
});

/** Creates the table if it is missing; repeats until the node serves. */
const untilTable = async (
  client: DynamoDBClient,
  table: TableDefinition,
  signal: AbortSignal,
): Promise<void> => {
  for (;;) {
    try {
      return await ensureTable(client, tableName, table);
    } catch (error) {
      if (isFailure(error)) throw error;
      await sleep(retryMs, undefined, { signal });
    }
  }
};

const commandLine = {
  name: 'node local/bin/node.ts',
  does: 'runs one vault node of several until it is told to end',
  forms: [
    ['', 'it reads its settings from its environment: docs/configuration.md has the variables'],
  ],
  examples: ['npm run cluster starts three of them and their master key'],
} as const;

await runProgram(commandLine, async () => {
  const config = readNodeConfig(process.env);
  const port = readPort(3000);
  const folder = dataFolderOf(process.env);
  const { routes, table } = await readTemplate(join(root, 'template.yaml'));
  openDataFolder(folder);
  const lock = lockDataFolder(folder);
  const signal = untilSignal();
  const stop = new AbortController();
  const { signal: stopping } = stop;
  const cluster = readClusterFile(config.clusterFile);
  const node = await startNode({
    config,
    folder,
    cluster,
    tableName,
    timeToLiveAttribute: table.timeToLiveAttribute,
    report,
  });
  try {
    const store = config.frontProxy ?? node.endpoint;
    applyEnvironment(environmentOf(cluster, store, node.endpoint));
    if (config.frontProxy === undefined) useTransport('DynamoDB', createTransport(node.front));
    useTransport('KMS', createKeyTransport(cluster.kms.endpoint, cluster.tls));
    const file = process.env[policyVariable];
    const policy = file ? followPolicyFile(file, cluster.jwks, report) : undefined;
    const endMetrics = await serveMetrics(report, async (registry) =>
      (await import('../node/metrics.ts')).addNodeMetrics(registry, node.status),
    );
    // The node listens before it serves. Until then it answers every request with a refusal that names the reason.
    const gateway = await serveFunctions({ root, routes, port, report });
    rememberRunning(folder, {
      url: gateway.url,
      dynamodbEndpoint: node.endpoint,
      kmsEndpoint: cluster.kms.endpoint,
      kmsIsLocal: false,
      vaultId: cluster.vaultId,
      tableName,
      masterKeyId: cluster.kms.keyArn,
      takesLocalTokens: policy?.takesLocalTokens ?? true,
    });
    const greeted = node.serving.then(async () => {
      const client = new DynamoDBClient({ endpoint: node.endpoint });
      await untilTable(client, table, stopping);
      process.stdout.write(`vault listening on ${gateway.url}\n`);
    });
    const refused = greeted.then(
      () => new Promise<never>(() => undefined),
      (error: Error) => (stopping.aborted ? undefined : error),
    );
    const lost = await Promise.race([signal, node.failed, refused]);
    stop.abort();
    await gateway.close(graceMs);
    await endMetrics();
    policy?.close();
    forgetRunning(folder);
    if (lost) throw lost;
  } finally {
    await node.close();
    lock.release();
  }
});
