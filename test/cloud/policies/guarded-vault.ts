/**
 * A vault whose functions may do only what template.yaml grants them. Each runs in its own thread
 * behind the local gateway, with its own credentials. A gate in front of the store and the master
 * key recognises it by these.
 */
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { APIGatewayProxyResult } from 'aws-lambda';
import { localAudience, localIssuer } from '../../../functions/access/policy-types.ts';
import type { Handle, HttpReply } from '../../../functions/http/messages.ts';
import { startGateway } from '../../../host/gateway/gateway.ts';
import { openTokenKey } from '../../../host/identity/token-key.ts';
import { openVaultId } from '../../../host/identity/vault-id.ts';
import { findVaultKey } from '../../../host/kms/vault-key.ts';
import { lockDataFolder } from '../../../host/process/data-folder.ts';
import { runningRecord } from '../../../host/process/vault-records.ts';
import { uncheckedKey } from '../../../host/single/dynamodb-elsewhere.ts';
import { ensureTable } from '../../../host/single/ensure-table.ts';
import { startDynoxide } from '../../../local/dynamodb/dynoxide.ts';
import { startProxy } from '../../support/adversary/proxy.ts';
import { toEndpoint } from '../../support/adversary/wire.ts';
import { apiOf } from '../../support/api-of.ts';
import { startKms } from '../../support/kms-server.ts';
import { toEvent } from '../../support/lambda-events.ts';
import { freshFolder } from '../../support/local-process.ts';
import { type Route, readTemplate } from '../../support/template.ts';
import { type Gate, startGate } from './gate.ts';
import type { Permissions } from './permissions.ts';

export type GuardedVault = {
  readonly url: string;
  readonly dataDir: string;
  readonly gate: Gate;
  readonly close: () => Promise<void>;
};

type Answer = {
  readonly id: string;
  readonly result: APIGatewayProxyResult;
  readonly error?: unknown;
};

const startFunction = async (route: Route, env: NodeJS.ProcessEnv) => {
  const entryPoint = pathToFileURL(resolve(route.entryPoint)).href;
  const worker = new Worker(new URL('./function-thread.ts', import.meta.url), {
    env: { ...env, AWS_SESSION_TOKEN: route.operation },
    workerData: { entryPoint },
    stdout: true,
    stderr: true,
  });
  // The log lines do not matter here, but must be read.
  worker.stdout.resume();
  worker.stderr.resume();
  await once(worker, 'message');
  const waiting = new Map<string, PromiseWithResolvers<APIGatewayProxyResult>>();
  worker.on('message', ({ id, result, error }: Answer) => {
    if (error === undefined) waiting.get(id)?.resolve(result);
    else waiting.get(id)?.reject(error);
    waiting.delete(id);
  });
  const handle: Handle = async (request, parameters) => {
    const { requestId: id } = request;
    const answer = Promise.withResolvers<APIGatewayProxyResult>();
    waiting.set(id, answer);
    worker.postMessage({ id, event: toEvent(request, route, parameters) });
    const { statusCode: status, headers, body } = await answer.promise;
    return { status, headers: headers as HttpReply['headers'], body };
  };
  return { handle, end: () => worker.terminate() };
};

const partsOf = async (folder: string) => {
  const lock = lockDataFolder(folder);
  const vaultId = openVaultId(folder, {});
  const nothing = async () => ({ own: [], otherKeyId: undefined });
  const key = await findVaultKey(folder, {}, false).open(nothing);
  const store = await startDynoxide(folder);
  const close = async () => {
    await store.close();
    lock.release();
  };
  return { vaultId, key, store, close };
};

/** Starts a vault whose functions have the permissions in `grants`. */
export const startGuardedVault = async (grants: Permissions): Promise<GuardedVault> => {
  const dataDir = freshFolder();
  const { routes } = await readTemplate();
  const { vaultId, key, store, close: closeParts } = await partsOf(dataDir);
  const kms = await startKms({ folder: dataDir });
  const { jwks } = await openTokenKey(dataDir);
  const [tableName, masterKeyId] = ['vault', key.arn];
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };
  const owner = new DynamoDBClient({ endpoint: store.endpoint, region: 'us-east-1', credentials });
  await ensureTable(owner, tableName);
  owner.destroy();
  const [toStore, toKms] = [toEndpoint(store.endpoint), toEndpoint(kms.endpoint)];
  const gate = startGate(
    (call, signal) => (call.service === 'kms' ? toKms : toStore)(call, signal),
    grants,
    { vaultId, tableName, masterKeyId },
  );
  const proxy = await startProxy(gate.exchange);
  const env = {
    VAULT_ID: vaultId,
    TABLE_NAME: tableName,
    MASTER_KEY_ID: masterKeyId,
    AUTH_ISSUER: localIssuer,
    AUTH_AUDIENCE: localAudience,
    AUTH_JWKS: jwks,
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: uncheckedKey.accessKeyId,
    AWS_SECRET_ACCESS_KEY: uncheckedKey.secretAccessKey,
    AWS_ENDPOINT_URL_DYNAMODB: proxy.endpoint,
    AWS_ENDPOINT_URL_KMS: proxy.endpoint,
  };
  const ofOperations = routes.filter(({ method }) => method !== 'HEAD');
  const functions = await Promise.all(ofOperations.map((route) => startFunction(route, env)));
  const handles = new Map(
    ofOperations.map(({ operation }, index) => [operation, functions[index]?.handle as Handle]),
  );
  const report = (line: string): void => void process.stderr.write(`${line}\n`);
  const api = apiOf(ofOperations, ({ operation }) => handles.get(operation) as Handle, { report });
  const gateway = await startGateway({ api, host: '127.0.0.1', port: 0 });
  // Like every host, write running.json, so that programs find the vault.
  runningRecord.remember(dataDir, {
    url: gateway.url,
    dynamodbEndpoint: store.endpoint,
    masterKeyFile: kms.file,
    vaultId,
    tableName,
    masterKeyId,
    takesLocalTokens: true,
  });
  return {
    url: gateway.url,
    dataDir,
    gate,
    close: async () => {
      await gateway.close(12_000);
      await Promise.all(functions.map(({ end }) => end()));
      await proxy.close();
      await kms.close();
      await closeParts();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
};
