/**
 * `npm start`: the whole vault in one process and one data folder. The id of the vault, the master key and the store come
 * first (`startParts`), each unless the environment names another one; then the table and the environment of the
 * functions (`startServices`); then the functions with their port (`serveVault`). If any of it fails, all of it ends.
 */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { createDynamodbTable } from '../../functions/dynamodb/dynamodb-table.ts';
import { answerInProcess } from '../../functions/runtime/clients.ts';
import { policyVariable } from '../../functions/runtime/config.ts';
import { failure, isFailure, sentenceOf } from '../../system/failures.ts';
import { dynamodbLocal } from '../dynamodb/dynamodb-local.ts';
import { dynoxide, restoreFolder, storeFile } from '../dynamodb/dynoxide.ts';
import { ensureTable, ensureTimeToLive } from '../dynamodb/ensure-table.ts';
import { type LocalStore, type StoreProgram, startStore } from '../dynamodb/local-store.ts';
import { applyEnvironment, environmentOf, isLocalIdentity } from '../gateway/functions.ts';
import { serveMetrics } from '../http/metrics-port.ts';
import { openServingCertificate } from '../http/serving-certificate.ts';
import type { ServingPair } from '../http/tls.ts';
import { type FollowedPolicy, followPolicyFile } from '../identity/access-policy.ts';
import { openTokenKey } from '../identity/token-key.ts';
import { givenVaultId, openVaultId } from '../identity/vault-id.ts';
import { answerWith } from '../kms/embedded-kms.ts';
import { type MasterKey, masterKeyFile } from '../kms/key-file.ts';
import type { StoredKeys } from '../kms/key-proof.ts';
import { warnOfKey } from '../kms/key-warning.ts';
import { checkKmsKey, isKeyInKms, openVaultKey, requireOwnKey } from '../kms/vault-key.ts';
import { dataFolderOf, folderSetting, root, startOnFolder } from '../process/data-folder.ts';
import { type Closer, untilSignal } from '../process/ending.ts';
import { keepLog, showHumanLog } from '../process/human-log.ts';
import { openLogFile } from '../process/log-file.ts';
import { readHost, readPort, requireFreePort } from '../process/ports.ts';
import { report, say } from '../process/program.ts';
import { programTimes } from '../process/program-times.ts';
import { readTemplate, type TableDefinition } from '../template.ts';
import { readStoredKeys } from '../verify/stored-keys.ts';
import { serveApi } from './api-port.ts';
import { curlTo } from './curl.ts';
import type { RunningVault } from './vault-records.ts';

type StoreName = 'dynoxide' | 'dynamodb-local';

export type PartsOptions = {
  readonly folder: string;
  readonly store: StoreName;
  /** Gets one line each time a part is restarted. */
  readonly report: (line: string) => void;
};

/** The parts that run here. A part is absent if the environment names another one. */
export type Parts = {
  /** The id of the vault in the folder, or `VAULT_ID` if the store is elsewhere. */
  readonly vaultId: string;
  /** Absent if the key is in a KMS. */
  readonly key: MasterKey | undefined;
  readonly store: LocalStore | undefined;
  readonly close: () => Promise<void>;
};

export type Services = {
  /** What its record holds, but for the address, its certificate and the tokens. */
  readonly running: Omit<RunningVault, 'url' | 'certificate' | 'takesLocalTokens'>;
  /** Settles only if a part died and could not be restarted; the error says why. */
  readonly failed: Promise<Error>;
  readonly close: () => Promise<void>;
};

const findStore = (store: StoreName): StoreProgram =>
  store === 'dynoxide'
    ? dynoxide(root)
    : dynamodbLocal({ root, installPath: join(root, '.local', 'dynamodb-local') });

/** The files and folders in the data folder in which the stores keep their data. */
const storeFiles = [storeFile, 'dynamodb-local'];

/** A new key would open none of the data in the folder, so a key is made only where there are none. */
const hasData = (folder: string): boolean =>
  storeFiles.some((file) => existsSync(join(folder, file)));

/** Uses the store that the environment of the functions names. Throws a sentence if it cannot be used. */
const useStore = async <Result>(
  use: (client: DynamoDBClient) => Promise<Result>,
): Promise<Result> => {
  const client = new DynamoDBClient({});
  try {
    return await use(client);
  } catch (error) {
    if (isFailure(error)) throw error;
    const endpoint = process.env['AWS_ENDPOINT_URL_DYNAMODB'];
    throw failure(`the store at ${endpoint} cannot be used: ${sentenceOf(error)}`, {
      cause: error,
    });
  } finally {
    client.destroy();
  }
};

/** Reads stored values by which the key is proved. */
const readKeys = (vaultId: string, keyArn: string): Promise<StoredKeys> => {
  const { TABLE_NAME: tableName = '' } = process.env;
  return useStore((client) =>
    readStoredKeys({ table: createDynamodbTable(client, tableName), vaultId }, keyArn),
  );
};

/** Opens the key file of the vault, unless its key is in a KMS. */
const openKey = (folder: string, vaultId: string): MasterKey | undefined => {
  if (!isKeyInKms(process.env)) {
    const data = {
      exist: hasData(folder),
      storedKeys: (keyArn: string) => readKeys(vaultId, keyArn),
    };
    return openVaultKey(folder, process.env, data, warnOfKey);
  }
  const { MASTER_KEY_ID: masterKeyId } = process.env;
  if (masterKeyId) checkKmsKey(folder, masterKeyId);
  return undefined;
};

/** Throws if a restore into the folder has not ended. The new, empty store would look like the vault. */
const checkIsRestored = (folder: string): void => {
  const draft = join(folder, restoreFolder);
  if (!existsSync(draft) || existsSync(join(folder, storeFile))) return;
  throw failure(
    `a restore into ${folder} did not end: run npm run restore again, or delete ${draft} to begin without the backup`,
  );
};

const openParts = async (
  { folder, store: storeName, report }: PartsOptions,
  closers: Closer[],
): Promise<Omit<Parts, 'close'>> => {
  const { AWS_ENDPOINT_URL_DYNAMODB: otherStore } = process.env;
  if (!otherStore) checkIsRestored(folder);
  const vaultId = otherStore ? givenVaultId(process.env) : openVaultId(folder, process.env);
  const key = openKey(folder, vaultId);
  const store = otherStore ? undefined : await startStore(findStore(storeName), folder, report);
  if (store) closers.push(store.close);
  return { vaultId, key, store };
};

/**
 * Locks the data folder, reads the id of the vault, and starts the master key and the store. Throws one sentence if a
 * part cannot be started; nothing is left running then.
 */
export const startParts = (options: PartsOptions): Promise<Parts> =>
  startOnFolder(options.folder, options.report, (closers) => openParts(options, closers));

/**
 * Starts the parts, creates the table if it is missing, and sets the environment variables that the functions need, so
 * that they may be imported. Throws like `startParts`.
 */
export const startServices = (
  options: PartsOptions & { readonly table: TableDefinition },
): Promise<Services> =>
  startOnFolder(options.folder, options.report, async (closers) => {
    const { vaultId, key, store } = await openParts(options, closers);
    const { jwks } = await openTokenKey(options.folder);
    applyEnvironment(
      environmentOf(process.env, {
        ...{ vaultId, jwks },
        storeEndpoint: store?.endpoint,
        keyArn: key?.arn,
      }),
    );
    if (key) answerInProcess('KMS', answerWith(key));
    const { TABLE_NAME: tableName = '', MASTER_KEY_ID: masterKeyId = '' } = process.env;
    await useStore(async (client) => {
      await ensureTable(client, tableName, options.table);
      await ensureTimeToLive(client, tableName, options.table);
    });
    if (key) await requireOwnKey(key);
    return {
      running: {
        dynamodbEndpoint: process.env['AWS_ENDPOINT_URL_DYNAMODB'] ?? '',
        ...(key
          ? { masterKeyFile: resolve(masterKeyFile(options.folder, process.env)) }
          : { kmsEndpoint: process.env['AWS_ENDPOINT_URL_KMS'] }),
        storeIsEmbedded: store !== undefined && options.store === 'dynoxide',
        vaultId,
        tableName,
        masterKeyId,
      },
      failed: store?.failed ?? new Promise(() => undefined),
    };
  });

/**
 * Prints the ready line and, in the same write so that nobody reads half of it, how to go on. A terminal
 * shows a token and a request to try. Any other output may be kept as a log, so it has only the command that
 * makes a token.
 */
const greet = async (
  url: string,
  pair: ServingPair | undefined,
  folder: string,
  takesLocalTokens: boolean,
): Promise<void> => {
  const ready = `vault listening on ${url}`;
  if (!takesLocalTokens) return say(ready);
  const setting = folderSetting(process.env, folder);
  if (!process.stdout.isTTY) {
    return say(
      `${ready}\na token to try it: ${setting}npm run -s token -- --tenant demo --sub you`,
    );
  }
  const scope = 'secrets:read secrets:write secrets:delete secrets:explain vault:status';
  const key = await openTokenKey(folder);
  const token = await key.issue({ tenant: 'demo', sub: 'you', scope }, 3_600);
  const { curl, address } = curlTo(url, pair, process.env['VAULT_TLS_CERT']);
  say(`${ready}

A token for tenant demo, good for one hour, and a request to try:

TOKEN=${token}
${curl} -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \\
  -d '{"name":"DB_PASSWORD","value":"hunter2"}' ${address}/v1/secrets

To look at it in a browser, from a second terminal:

${setting}./cli/dsvault.js login --local
${setting}./cli/dsvault.js console
`);
};

/** Follows the access policy, if there is one. `isLocal`: the user has left identity to this machine. */
const openIdentity = async (folder: string, isLocal: boolean): Promise<FollowedPolicy> => {
  const file = process.env[policyVariable];
  if (!file) return { takesLocalTokens: isLocal, close: () => undefined };
  return followPolicyFile(file, (await openTokenKey(folder)).jwks, report);
};

/** Serves a vault on the data folder until this process is asked to end. Throws one sentence if it cannot. */
export const serveVault = async (store: StoreName): Promise<void> => {
  const port = readPort(3_000);
  const certificate = openServingCertificate(process.env);
  const folder = dataFolderOf(process.env);
  // `startServices` sets the variables that this reads.
  const isLocal = isLocalIdentity(process.env);
  const { routes, table } = await readTemplate();
  const signal = untilSignal();
  // A start that cannot serve leaves no folder. An older one may belong to a vault that runs, which says so itself.
  if (!existsSync(folder)) await requireFreePort(readHost(), port);
  const services = await startServices({ folder, store, table, report });
  try {
    showHumanLog(process.env);
    // The file keeps the lines as JSON, because the later call sees them first.
    keepLog(openLogFile(join(folder, 'log')).write);
    const identity = await openIdentity(folder, isLocal);
    const endMetrics = await serveMetrics(say);
    const { takesLocalTokens } = identity;
    const running = { takesLocalTokens, ...services.running };
    const api = await serveApi({ routes, port, certificate, folder, running, report });
    await greet(api.url, certificate?.pair, folder, takesLocalTokens);
    const lost = await Promise.race([signal, services.failed]);
    await api.close(programTimes.requestsEndMs);
    await endMetrics();
    identity.close();
    if (lost) throw lost;
  } finally {
    await services.close();
  }
};
