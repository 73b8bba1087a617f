/**
 * `npm start`: the whole vault in one process and one data folder. The id of the vault, the master key and the store come
 * first, each unless the environment names another one, and the environment of the functions (`startServices`); then the
 * functions with their port (`serveVault`). If any of it fails, all of it ends.
 */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { createDynamodbTable } from '../../functions/dynamodb/dynamodb-table.ts';
import { policyVariable } from '../../functions/runtime/config.ts';
import { useHome } from '../../functions/runtime/home.ts';
import type { Table } from '../../functions/store/ports.ts';
import { failure, isFailure, sentenceOf } from '../../system/failures.ts';
import { ensureTable, ensureTimeToLive } from '../dynamodb/ensure-table.ts';
import { applyEnvironment, environmentOf, isLocalIdentity } from '../gateway/functions.ts';
import { serveMetrics } from '../http/metrics-port.ts';
import { openServingCertificate } from '../http/serving-certificate.ts';
import type { ServingPair } from '../http/tls.ts';
import { type FollowedPolicy, followPolicyFile } from '../identity/access-policy.ts';
import { openTokenKey } from '../identity/token-key.ts';
import { givenVaultId, openVaultId } from '../identity/vault-id.ts';
import { createFileKey } from '../kms/file-key.ts';
import { type MasterKey, masterKeyFile } from '../kms/key-file.ts';
import { warnOfKey } from '../kms/key-warning.ts';
import {
  checkKmsKey,
  isKeyInKms,
  openVaultKey,
  requireOwnKey,
  type VaultData,
} from '../kms/vault-key.ts';
import { dataFolderOf, folderSetting, startOnFolder } from '../process/data-folder.ts';
import { type Closer, untilSignal } from '../process/ending.ts';
import { keepLog, showHumanLog } from '../process/human-log.ts';
import { openLogFile } from '../process/log-file.ts';
import { readHost, readPort, requireFreePort } from '../process/ports.ts';
import { report, say } from '../process/program.ts';
import { programTimes } from '../process/program-times.ts';
import { watchRoom } from '../process/room.ts';
import { storeFile } from '../sqlite/database.ts';
import { keepExpiring } from '../sqlite/expiry.ts';
import { openSqliteStore, type SqliteStore } from '../sqlite/sqlite-store.ts';
import { readTemplate, type TableDefinition } from '../template.ts';
import { readStoredKeys } from '../verify/stored-keys.ts';
import { serveApi } from './api-port.ts';
import { curlTo } from './curl.ts';
import { hasData, requireOwnStore } from './own-store.ts';
import type { RunningVault } from './vault-records.ts';

type ServicesOptions = {
  readonly folder: string;
  /** The table that a DynamoDB elsewhere gets if it lacks it. */
  readonly table: TableDefinition;
  /** Gets one line when the disk of the folder is almost full. */
  readonly report: (line: string) => void;
};

export type Services = {
  /** What its record holds, but for the address, its certificate and the tokens. */
  readonly running: Omit<RunningVault, 'url' | 'certificate' | 'takesLocalTokens'>;
  /** Settles only if the disk failed the store; the error says how. */
  readonly failed: Promise<Error>;
  readonly close: () => Promise<void>;
};

/** Uses the DynamoDB that the environment names. Throws a sentence if it cannot be used. */
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

/** Opens the key file of the vault, unless its key is in a KMS. */
const openKey = (folder: string, storedKeys: VaultData['storedKeys']): MasterKey | undefined => {
  if (!isKeyInKms(process.env)) {
    return openVaultKey(folder, process.env, { exist: hasData(folder), storedKeys }, warnOfKey);
  }
  const { MASTER_KEY_ID: masterKeyId } = process.env;
  if (masterKeyId) checkKmsKey(folder, masterKeyId);
  return undefined;
};

/** Opens the file of the folder, which this process alone serves. */
const openStore = (
  folder: string,
  report: (line: string) => void,
  closers: Closer[],
): SqliteStore => {
  const store = openSqliteStore(join(folder, storeFile), 'serve');
  closers.push(store.close);
  const expiry = keepExpiring(store);
  const room = watchRoom(folder, (line, isLow) => {
    store.refuseWrites(isLow);
    report(line);
  });
  closers.push(expiry.close, room.close);
  return store;
};

const never = new Promise<never>(() => undefined);

const tableNameOf = (): string => process.env['TABLE_NAME'] ?? '';

/** Whether the data are in a DynamoDB elsewhere, and not in the folder. */
const isStoreElsewhere = (): boolean => Boolean(process.env['AWS_ENDPOINT_URL_DYNAMODB']);

/**
 * Locks the data folder, opens the master key and the store, or makes the table of a DynamoDB elsewhere, and sets the
 * environment variables that the functions need, so that they may be imported. Throws one sentence if a part cannot be
 * had; nothing is left running then.
 */
export const startServices = ({ folder, table, report }: ServicesOptions): Promise<Services> =>
  startOnFolder(folder, report, async (closers) => {
    const isElsewhere = isStoreElsewhere();
    if (!isElsewhere) requireOwnStore(folder);
    const vaultId = isElsewhere ? givenVaultId(process.env) : openVaultId(folder, process.env);
    let store: SqliteStore | undefined;
    const withTable = <Result>(use: (table: Table) => Promise<Result>): Promise<Result> =>
      store ? use(store) : useStore((client) => use(createDynamodbTable(client, tableNameOf())));
    const key = openKey(folder, (keyArn) =>
      withTable((held) => readStoredKeys({ table: held, vaultId }, keyArn)),
    );
    const { jwks } = await openTokenKey(folder);
    applyEnvironment(
      environmentOf(process.env, { vaultId, jwks, storeIsHere: !isElsewhere, keyArn: key?.arn }),
    );
    if (key) useHome({ masterKey: createFileKey(key) });
    const { MASTER_KEY_ID: masterKeyId = '' } = process.env;
    const tableName = tableNameOf();
    if (isElsewhere) {
      await useStore(async (client) => {
        await ensureTable(client, tableName, table);
        await ensureTimeToLive(client, tableName, table);
      });
    } else {
      store = openStore(folder, report, closers);
      useHome({ itemsOf: store.itemsOf });
    }
    if (key) await requireOwnKey(key);
    return {
      running: {
        ...(isElsewhere && { dynamodbEndpoint: process.env['AWS_ENDPOINT_URL_DYNAMODB'] }),
        ...(key
          ? { masterKeyFile: resolve(masterKeyFile(folder, process.env)) }
          : { kmsEndpoint: process.env['AWS_ENDPOINT_URL_KMS'] }),
        vaultId,
        tableName,
        masterKeyId,
      },
      failed: store?.failed.then((error) => storeFailed(error)) ?? never,
    };
  });

const storeFailed = (error: Error): Error =>
  failure(
    `${sentenceOf(error)} (${sentenceOf(error.cause)}): the vault ends, because only its next start can find out what ` +
      'the disk holds. Look at the disk first',
    { cause: error },
  );

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
export const serveVault = async (): Promise<void> => {
  const port = readPort(3_000);
  const certificate = openServingCertificate(process.env);
  const folder = dataFolderOf(process.env);
  // `startServices` sets the variables that this reads.
  const isLocal = isLocalIdentity(process.env);
  const { routes, table } = await readTemplate();
  const signal = untilSignal();
  // A start that cannot serve leaves no folder. An older one may belong to a vault that runs, which says so itself.
  if (!existsSync(folder)) await requireFreePort(readHost(), port);
  const services = await startServices({ folder, table, report });
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
