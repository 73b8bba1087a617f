/**
 * The process of the master key, one for all nodes of a cluster: the embedded KMS, the key that signs tokens and the id
 * of the vault, on a folder of their own. While it is down no node can seal or open a value; stored data stay as they
 * are.
 */
import { dirname, resolve } from 'node:path';
import { failure, isFailure } from '../../system/failures.ts';
import { openCertificates } from '../cluster/certificates.ts';
import { type TlsFiles, writeClusterFile } from '../cluster/cluster-file.ts';
import { dataFolderOf, lockDataFolder, openDataFolder } from '../host/data-folder.ts';
import { untilSignal } from '../host/ending.ts';
import { portRefused, readPort } from '../host/ports.ts';
import { runProgram } from '../host/program.ts';
import { forgetRunning, rememberRunning } from '../host/running.ts';
import { openTokenKey } from '../host/token-key.ts';
import { openVaultId } from '../host/vault-id.ts';
import { type Kms, startKms } from '../kms/server.ts';
import { parseNodes } from '../node/config.ts';

const listen = async (folder: string, tls: TlsFiles): Promise<Kms> => {
  const host = process.env['HOST'] || '127.0.0.1';
  const port = readPort(0);
  try {
    return await startKms({ folder, host, port, tls });
  } catch (error) {
    throw isFailure(error) ? error : portRefused(host, port, error);
  }
};

/**
 * Reads the endpoint for the nodes: `VAULT_KMS_URL`, if the nodes reach this process by another name than it listens
 * on.
 */
const readUrl = (): string | undefined => {
  const url = process.env['VAULT_KMS_URL'];
  if (!url || URL.parse(url)?.protocol === 'https:') return url || undefined;
  throw failure('VAULT_KMS_URL must be a URL, such as https://key:4599');
};

const readFileToWrite = (): string => {
  const file = process.env['VAULT_CLUSTER_FILE'];
  if (file) return resolve(file);
  throw failure('VAULT_CLUSTER_FILE must name the file that tells the nodes of the master key');
};

/**
 * Reads the hosts by which the nodes reach each other, for their certificate: the hosts of `VAULT_NODES`, if it is set.
 */
const readHosts = (): readonly string[] => {
  const nodes = process.env['VAULT_NODES'];
  return nodes ? parseNodes(nodes).map(({ host }) => host) : [];
};

const commandLine = {
  name: 'node local/bin/master-key.ts',
  does: 'serves the master key of a cluster to its nodes until it is told to end',
  forms: [
    ['', 'it reads its settings from its environment: docs/configuration.md has the variables'],
  ],
  examples: ['npm run cluster starts it and three nodes'],
} as const;

await runProgram(commandLine, async () => {
  const [file, url, folder] = [readFileToWrite(), readUrl(), dataFolderOf(process.env)];
  const hosts = readHosts();
  const signal = untilSignal();
  openDataFolder(folder);
  openDataFolder(dirname(file));
  const lock = lockDataFolder(folder);
  const vaultId = openVaultId(folder, process.env);
  const tls = await openCertificates(folder, hosts);
  const { endpoint, keyArn, close } = await listen(folder, tls);
  const { jwks } = await openTokenKey(folder);
  writeClusterFile(file, { vaultId, kms: { endpoint: url ?? endpoint, keyArn }, jwks, tls });
  rememberRunning(folder, {
    url: '',
    kmsEndpoint: endpoint,
    kmsIsLocal: true,
    vaultId,
    masterKeyId: keyArn,
    // Each node has its own store.
    dynamodbEndpoint: '',
    tableName: '',
    takesLocalTokens: true,
  });
  process.stdout.write(`master key at ${endpoint}\n`);
  await signal;
  forgetRunning(folder);
  await close();
  lock.release();
});
