/**
 * `npm start`: the whole vault in one process and one data folder. `startServices` opens the
 * vault's id, the master key and the store, each unless the environment names another one. Then
 * `serveVault` serves the vault on its port. If any of it fails, all of it ends.
 */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createIdentity } from '../../functions/http/identity.ts';
import { machineClock } from '../../functions/runtime/clock.ts';
import type { Table } from '../../functions/store/ports.ts';
import { failure, isFailure, misconfigured, sentenceOf } from '../../system/failures.ts';
import { serveApi } from '../gateway/api-port.ts';
import { createHostApi, type VaultParts } from '../gateway/host-api.ts';
import { openMetrics } from '../http/metrics-port.ts';
import { openServingCertificate } from '../http/serving-certificate.ts';
import type { ServingPair } from '../http/tls.ts';
import { openIdentity, readIdentitySource } from '../identity/open-identity.ts';
import { openTokenKey } from '../identity/token-key.ts';
import { givenVaultId, openVaultId } from '../identity/vault-id.ts';
import { createFileKey } from '../kms/file-key.ts';
import { masterKeyFile } from '../kms/key-file.ts';
import { warningOfKey } from '../kms/key-warning.ts';
import { checkKmsKey, findVaultKey, isKeyInKms } from '../kms/vault-key.ts';
import { asTypedHere, folderSetting, isInImage } from '../process/commands.ts';
import { dataFolderOf, startOnFolder } from '../process/data-folder.ts';
import { type Closer, untilSignal } from '../process/ending.ts';
import { createHostLog } from '../process/host-log.ts';
import { createLogOutput } from '../process/human-log.ts';
import { openLogFile } from '../process/log-file.ts';
import { readHost, readPort, requireFreePort } from '../process/ports.ts';
import { report, say } from '../process/program.ts';
import { programTimes } from '../process/program-times.ts';
import { regionIn } from '../process/region.ts';
import { watchRoom } from '../process/room.ts';
import type { RunningVault } from '../process/vault-records.ts';
import { storeFile } from '../sqlite/database.ts';
import { keepExpiring } from '../sqlite/expiry.ts';
import { openSqliteStore, type SqliteStore } from '../sqlite/sqlite-store.ts';
import { readStoredKeys } from '../verify/stored-keys.ts';
import { curlTo } from './curl.ts';
import type { Place } from './dynamodb-elsewhere.ts';
import { requireOwnStore } from './own-store.ts';

type ServicesOptions = {
  readonly folder: string;
  /** Gets one line each time the disk of the folder is almost full, or has space again. */
  readonly report: (line: string) => void;
  /** Receives a message for each fault of the master key's file. */
  readonly warn: (sentence: string) => void;
};

export type Services = {
  readonly vault: VaultParts;
  /**
   * What `running.json` says about this vault, except for the address, the certificate, and whether
   * local tokens are accepted.
   */
  readonly running: Omit<RunningVault, 'url' | 'certificate' | 'takesLocalTokens'>;
  /** Settles only if the store of this process failed because of the disk; the error says how. */
  readonly failed: Promise<Error>;
  readonly close: () => Promise<void>;
};

type VaultKey = Pick<VaultParts, 'masterKey'> &
  Pick<RunningVault, 'masterKeyId' | 'masterKeyFile' | 'kmsEndpoint'>;

/**
 * Opens the key in a KMS. Makes the folder remember that key, or checks that it remembers no
 * different one.
 */
const openKmsKeyOf = async (folder: string): Promise<VaultKey> => {
  const { MASTER_KEY_ID: masterKeyId, AWS_ENDPOINT_URL_KMS: kmsEndpoint } = process.env;
  if (!masterKeyId) throw misconfigured('missing environment variables: MASTER_KEY_ID');
  checkKmsKey(folder, masterKeyId);
  const { openKmsKey } = await import('../kms/kms-elsewhere.ts');
  const place = { region: regionIn(process.env), endpoint: kmsEndpoint };
  return { masterKey: openKmsKey(masterKeyId, place), masterKeyId, kmsEndpoint };
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
 * Where the DynamoDB is that the environment names. It gets the user's credentials if there are
 * any, and always if the master key is in a KMS, which needs them, too.
 */
const placeElsewhere = (tableName: string): Place => {
  const { env } = process;
  return {
    endpoint: env['AWS_ENDPOINT_URL_DYNAMODB'] ?? '',
    region: regionIn(env),
    tableName,
    checksCredentials: isKeyInKms(env) || Boolean(env['AWS_ACCESS_KEY_ID'] || env['AWS_PROFILE']),
  };
};

/**
 * Locks the data folder, and opens the master key and the store, or makes the table of a DynamoDB
 * elsewhere. If a part is not available, throws a user-facing error and leaves nothing running.
 */
export const startServices = ({ folder, report, warn }: ServicesOptions): Promise<Services> =>
  startOnFolder(folder, report, async (closers) => {
    const isElsewhere = isStoreElsewhere();
    if (!isElsewhere) requireOwnStore(folder);
    const vaultId = isElsewhere ? givenVaultId(process.env) : openVaultId(folder, process.env);
    const tableName = process.env['TABLE_NAME'] || 'vault';
    const hasData = existsSync(join(folder, storeFile));
    const found = isKeyInKms(process.env)
      ? await openKmsKeyOf(folder)
      : findVaultKey(folder, process.env, hasData, warn);
    const openKey = async (table: Table): Promise<VaultKey> => {
      if (!('open' in found)) return found;
      const { arn, open } = found;
      const key = await open(() => readStoredKeys({ table, vaultId }, arn));
      const file = resolve(masterKeyFile(folder, process.env));
      return { masterKey: createFileKey(key), masterKeyId: arn, masterKeyFile: file };
    };
    const openElsewhere = async () => {
      const { openDynamodb } = await import('./dynamodb-elsewhere.ts');
      const opened = await openDynamodb(placeElsewhere(tableName), openKey);
      closers.push(opened.table.close);
      return opened;
    };
    const own = isElsewhere ? undefined : openStore(folder, report, closers);
    const { table, prepared } = own
      ? { table: own, prepared: await openKey(own) }
      : await openElsewhere();
    const { masterKey, ...key } = prepared;
    return {
      vault: { vaultId, itemsOf: table.itemsOf, masterKey },
      running: {
        ...(isElsewhere && { dynamodbEndpoint: process.env['AWS_ENDPOINT_URL_DYNAMODB'] }),
        ...{ ...key, vaultId, tableName },
      },
      failed: own?.failed.then((error) => storeFailed(error)) ?? never,
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
 * Serves a vault on the data folder until this process is asked to end. Throws a user-facing error
 * if it cannot.
 */
export const serveVault = async (): Promise<void> => {
  const port = readPort(3_000);
  const certificate = openServingCertificate(process.env);
  const folder = dataFolderOf(process.env);
  const source = readIdentitySource(process.env);
  const signal = untilSignal();
  // If the port is in use, no new folder is made. If the folder exists, a vault may be running on
  // it, and the lock of the folder says so better than a port in use.
  if (!existsSync(folder)) await requireFreePort(readHost(), port);
  const identity = createIdentity(machineClock);
  const metrics = await openMetrics(identity.state);
  const output = createLogOutput(process.env);
  const log = createHostLog(process.env, { write: output.write, observe: metrics.observe });
  const services = await startServices({ folder, report, warn: warningOfKey(log) });
  try {
    output.keep(openLogFile(join(folder, 'log')).write);
    const { jwks } = await openTokenKey(folder);
    const policy = openIdentity(source, jwks, { identity, log, report });
    const api = createHostApi({ ...services.vault, identity, log, report });
    const endMetrics = await metrics.serve(say);
    const { takesLocalTokens } = policy;
    const running = { takesLocalTokens, ...services.running };
    const served = await serveApi({ api, port, certificate, folder, running, log, report });
    await greet(served.url, certificate?.pair, folder, takesLocalTokens);
    const lost = await Promise.race([signal, services.failed]);
    await served.close(programTimes.requestsEndMs);
    await endMetrics();
    policy.close();
    if (lost) throw lost;
  } finally {
    await services.close();
  }
};
