/**
 * `npm start`: the whole vault in one process and one data folder. `startServices` opens the
 * vault's id, the master key and the store, each unless the environment names another one, and sets
 * the environment of the functions. Then `serveVault` serves the functions on their port. If any of
 * it fails, all of it ends.
 */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { createDynamodbTable } from '../../functions/dynamodb/dynamodb-table.ts';
import { policyVariable } from '../../functions/runtime/config.ts';
import { useHome } from '../../functions/runtime/home.ts';
import type { Table } from '../../functions/store/ports.ts';
import { failure, isFailure, sentenceOf } from '../../system/failures.ts';
import { serveApi } from '../gateway/api-port.ts';
import { applyEnvironment, environmentOf, isLocalIdentity } from '../gateway/functions.ts';
import { serveMetrics } from '../http/metrics-port.ts';
import { openServingCertificate } from '../http/serving-certificate.ts';
import type { ServingPair } from '../http/tls.ts';
import { type FollowedPolicy, followPolicyFile } from '../identity/access-policy.ts';
import { openTokenKey } from '../identity/token-key.ts';
import { givenVaultId, openVaultId } from '../identity/vault-id.ts';
import { createFileKey } from '../kms/file-key.ts';
import { masterKeyFile } from '../kms/key-file.ts';
import { warnOfKey } from '../kms/key-warning.ts';
import { checkKmsKey, findVaultKey, isKeyInKms } from '../kms/vault-key.ts';
import { asTypedHere, folderSetting, isInImage } from '../process/commands.ts';
import { dataFolderOf, startOnFolder } from '../process/data-folder.ts';
import { type Closer, untilSignal } from '../process/ending.ts';
import { keepLog, showHumanLog } from '../process/human-log.ts';
import { openLogFile } from '../process/log-file.ts';
import { readHost, readPort, requireFreePort } from '../process/ports.ts';
import { report, say } from '../process/program.ts';
import { programTimes } from '../process/program-times.ts';
import { watchRoom } from '../process/room.ts';
import type { RunningVault } from '../process/vault-records.ts';
import { storeFile } from '../sqlite/database.ts';
import { keepExpiring } from '../sqlite/expiry.ts';
import { openSqliteStore, type SqliteStore } from '../sqlite/sqlite-store.ts';
import { readTemplate, type TableDefinition } from '../template.ts';
import { readStoredKeys } from '../verify/stored-keys.ts';
import { curlTo } from './curl.ts';
import { ensureTable, ensureTimeToLive } from './ensure-table.ts';
import { requireOwnStore } from './own-store.ts';

type ServicesOptions = {
  readonly folder: string;
  /** The definition of the table. A DynamoDB elsewhere gets such a table if it has none. */
  readonly table: TableDefinition;
  /** Gets one line each time the disk of the folder is almost full, or has space again. */
  readonly report: (line: string) => void;
};

export type Services = {
  /**
   * What `running.json` says about this vault, except for the address, the certificate, and whether
   * local tokens are accepted.
   */
  readonly running: Omit<RunningVault, 'url' | 'certificate' | 'takesLocalTokens'>;
  /** Settles only if the store of this process failed because of the disk; the error says how. */
  readonly failed: Promise<Error>;
  readonly close: () => Promise<void>;
};

/**
 * Uses the DynamoDB that the environment names. Throws a user-facing error if it cannot be used.
 */
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

/**
 * Finds the file with the vault's master key. If the key is in a KMS, makes the folder remember
 * that key, or checks that it remembers no different one, and returns `undefined`.
 */
const findKey = (folder: string) => {
  if (!isKeyInKms(process.env)) {
    return findVaultKey(folder, process.env, existsSync(join(folder, storeFile)), warnOfKey);
  }
  const { MASTER_KEY_ID: masterKeyId } = process.env;
  if (masterKeyId) checkKmsKey(folder, masterKeyId);
  return undefined;
};

/**
 * Opens the vault's SQLite file in the data folder, which only this process serves. From then on
 * expired records are deleted, and writes are refused while the disk is almost full.
 */
const openStore = (
  folder: string,
  report: (line: string) => void,
  closers: Closer[],
): SqliteStore => {
  const store = openSqliteStore(join(folder, storeFile), 'serve');
  closers.push(store.close);
  const expiry = keepExpiring(store);
  const room = watchRoom(folder, store.findMoved, (line, isLow) => {
    store.refuseWrites(isLow);
    report(line);
  });
  closers.push(expiry.close, room.close);
  return store;
};

const never = new Promise<never>(() => undefined);

/** Whether the data are in a DynamoDB elsewhere, and not in the folder. */
const isStoreElsewhere = (): boolean => Boolean(process.env['AWS_ENDPOINT_URL_DYNAMODB']);

/**
 * Locks the data folder, opens the master key and the store, or makes the table of a DynamoDB
 * elsewhere, and sets the environment variables that the functions need, so that they may be
 * imported. If a part is not available, throws a user-facing error and leaves nothing running.
 */
export const startServices = ({ folder, table, report }: ServicesOptions): Promise<Services> =>
  startOnFolder(folder, report, async (closers) => {
    const isElsewhere = isStoreElsewhere();
    if (!isElsewhere) requireOwnStore(folder);
    const vaultId = isElsewhere ? givenVaultId(process.env) : openVaultId(folder, process.env);
    const key = findKey(folder);
    const { jwks } = await openTokenKey(folder);
    applyEnvironment(
      environmentOf(process.env, { vaultId, jwks, storeIsHere: !isElsewhere, keyArn: key?.arn }),
    );
    const { MASTER_KEY_ID: masterKeyId = '', TABLE_NAME: tableName = '' } = process.env;
    let store: SqliteStore | undefined;
    if (isElsewhere) {
      await useStore(async (client) => {
        await ensureTable(client, tableName, table);
        await ensureTimeToLive(client, tableName, table);
      });
    } else {
      store = openStore(folder, report, closers);
      useHome({ itemsOf: store.itemsOf });
    }
    if (key) {
      const readFrom = (held: Table) => readStoredKeys({ table: held, vaultId }, key.arn);
      const opened = await key.open(() =>
        store
          ? readFrom(store)
          : useStore((client) => readFrom(createDynamodbTable(client, tableName))),
      );
      useHome({ masterKey: createFileKey(opened) });
    }
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
  isFailure(error)
    ? error
    : failure(
        `${sentenceOf(error)} (${sentenceOf(error.cause)}): the vault ends, because only its next start can find out what ` +
          'the disk holds. Look at the disk first',
        { cause: error },
      );

/**
 * Returns the part of the greeting that says how to look at the vault in a browser. It is not shown
 * in the image, which has no `dsvault`.
 */
const inBrowser = (setting: string): string => `
To look at it in a browser, from a second terminal:

${setting}./cli/dsvault.js login --local
${setting}./cli/dsvault.js console
`;

/**
 * Prints the ready line and, in the same write so that nobody reads half of it, how to go on if
 * the vault accepts local tokens. A terminal shows a token and a request to try. Any other output
 * may be kept as a log, so it has only the command that makes a token.
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
  const isContainer = isInImage(process.env);
  if (!process.stdout.isTTY) {
    const where = isContainer ? ', in this container' : '';
    const command = asTypedHere('npm run -s token -- --tenant demo --sub you');
    return say(`${ready}\na token to try it${where}: ${setting}${command}`);
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
${isContainer ? '' : inBrowser(setting)}`);
};

/**
 * Follows the policy file that the environment names. If it names none, `isLocal` says whether the
 * tokens of `npm run token` are accepted: they are if the user has configured no other issuer.
 */
const openIdentity = async (folder: string, isLocal: boolean): Promise<FollowedPolicy> => {
  const file = process.env[policyVariable];
  if (!file) return { takesLocalTokens: isLocal, close: () => undefined };
  return followPolicyFile(file, (await openTokenKey(folder)).jwks, report);
};

/**
 * Serves a vault on the data folder until this process is asked to end. Throws a user-facing error
 * if it cannot.
 */
export const serveVault = async (): Promise<void> => {
  const port = readPort(3_000);
  const certificate = openServingCertificate(process.env);
  const folder = dataFolderOf(process.env);
  // `isLocalIdentity` reads variables that `startServices` sets, so it must be called first.
  const isLocal = isLocalIdentity(process.env);
  const { table } = await readTemplate();
  const signal = untilSignal();
  // A start that cannot serve leaves no new folder. If the folder exists, a vault may be running on
  // it, and the lock of the folder says so better than a port in use.
  if (!existsSync(folder)) await requireFreePort(readHost(), port);
  const services = await startServices({ folder, table, report });
  try {
    showHumanLog(process.env);
    // The file keeps the lines as JSON, because `keepLog` is called last and so sees them before
    // `showHumanLog` changes them.
    keepLog(openLogFile(join(folder, 'log')).write);
    const identity = await openIdentity(folder, isLocal);
    const endMetrics = await serveMetrics(say);
    const { takesLocalTokens } = identity;
    const running = { takesLocalTokens, ...services.running };
    const api = await serveApi({ port, certificate, folder, running, report });
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
