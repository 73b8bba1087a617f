/**
 * Finds the vaults of this checkout that run on this machine, however they were started, and the
 * keys that sign their tokens. A running vault has a record in its data folder.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { failure, usage } from '../../system/failures.ts';
import { openLayout } from '../node/layout.ts';
import { dataFolderOf } from '../process/data-folder.ts';
import {
  cloudRecord,
  clusterRecord,
  localstackFolderOf,
  type RunningVault,
  runningRecord,
  samRecord,
  stackFolderOf,
} from '../process/vault-records.ts';

export const vaultNames = ['start', 'cluster', 'sam', 'localstack'] as const;
type VaultName = (typeof vaultNames)[number];

export type Vault = {
  readonly name: VaultName;
  /** The address of the vault; absent if it does not run. */
  readonly url?: string | undefined;
  /** The certificate that the vault serves, in PEM; absent if it serves HTTP. */
  readonly certificate?: string | undefined;
  /** The folder with the key that signs its tokens. */
  readonly keyFolder: string;
  /** False if the vault accepts only the tokens of other issuers. */
  readonly takesLocalTokens: boolean;
};

/** Returns the folder of a vault's token key, whether the vault runs or not. */
const keyFolderOf = (environment: NodeJS.ProcessEnv, name: VaultName): string =>
  name === 'cluster' ? join(clusterFolderOf(environment), 'key') : dataFolderOf(environment);

const clusterFolderOf = (environment: NodeJS.ProcessEnv): string =>
  dataFolderOf(environment, '.local/cluster');

const nodeFolders = (clusterFolder: string): readonly string[] =>
  [1, 2, 3].map((node) => join(clusterFolder, `node-${node}`));

/**
 * Returns the record of the first node that runs. Any running node will do, because all nodes have
 * the same access policy.
 */
const findNode = (clusterFolder: string): RunningVault | undefined =>
  nodeFolders(clusterFolder)
    .map(runningRecord.find)
    .find((node) => node !== undefined);

const local = (name: VaultName, keyFolder: string, url: string | undefined): Vault => ({
  name,
  url,
  keyFolder,
  takesLocalTokens: true,
});

const finders: Readonly<Record<VaultName, (environment: NodeJS.ProcessEnv) => Promise<Vault[]>>> = {
  start: async (environment) => {
    const folder = keyFolderOf(environment, 'start');
    const running = runningRecord.find(folder);
    if (!running?.url) return [];
    const { url, certificate, takesLocalTokens } = running;
    return [{ ...local('start', folder, url), certificate, takesLocalTokens }];
  },
  cluster: async (environment) => {
    const folder = clusterFolderOf(environment);
    if (clusterRecord.find(folder) === undefined) return [];
    const { url, takesLocalTokens = true } = findNode(folder) ?? {};
    return [{ ...local('cluster', keyFolderOf(environment, 'cluster'), url), takesLocalTokens }];
  },
  sam: async (environment) => {
    const folder = keyFolderOf(environment, 'sam');
    const running = samRecord.find(stackFolderOf(folder));
    return running ? [local('sam', folder, running.url)] : [];
  },
  localstack: async (environment) => {
    const folder = keyFolderOf(environment, 'localstack');
    const running = cloudRecord.find(localstackFolderOf(folder));
    return running?.url ? [local('localstack', folder, running.url)] : [];
  },
};

/** Finds the running vaults whose data folders the environment names, or the default ones. */
export const findVaults = async (environment: NodeJS.ProcessEnv): Promise<readonly Vault[]> => {
  return (await Promise.all(vaultNames.map((name) => finders[name](environment)))).flat();
};

export type VaultNode = {
  /** The number of the node; `null` for a vault without nodes. */
  readonly node: number | null;
  readonly url: string;
  /** The certificate that the node or vault serves, in PEM; `null` if it serves HTTP. */
  readonly certificate: string | null;
  /** The path of the log file of the node or vault; `null` if it does not log to a file. */
  readonly log: string | null;
};

/** Finds the nodes of a vault, including stopped ones. A vault without nodes counts as one. */
export const findNodes = async ({
  name,
  url,
  certificate,
  keyFolder,
}: Vault): Promise<readonly VaultNode[]> => {
  if (name === 'cluster') return await nodesOfCluster(join(keyFolder, '..'));
  const log = name === 'start' ? join(keyFolder, 'log') : null;
  return url === undefined ? [] : [{ node: null, url, certificate: certificate ?? null, log }];
};

/**
 * Finds the nodes in the cluster's folder. A stopped node has no record of its address, but the
 * ports of the nodes are consecutive, so its port follows from that of a running node.
 */
const nodesOfCluster = async (folder: string): Promise<readonly VaultNode[]> => {
  const ports = [1, 2, 3].flatMap((node) => {
    const running = runningRecord.find(join(folder, `node-${node}`));
    return running?.url ? [Number(new URL(running.url).port) - node + 1] : [];
  });
  const { nodes } = await openLayout(folder, ports[0]);
  return nodes.map(({ node, port, folder: own }) => ({
    node,
    url: `http://127.0.0.1:${port}`,
    certificate: null,
    log: join(own, 'log'),
  }));
};

const isVaultName = (text: string): text is VaultName => vaultNames.some((name) => name === text);

const requireCluster = (folder: string): void => {
  if (existsSync(join(folder, 'cluster.json'))) return;
  throw failure(`there is no cluster in the folder ${folder}: npm run cluster starts one`);
};

/**
 * Returns the vault that `--for` names, whether it runs or not. Throws a user-facing error if the
 * name is unknown, or if it is `cluster` and the folder has none.
 */
const namedVault = async (environment: NodeJS.ProcessEnv, name: string): Promise<Vault> => {
  if (!isVaultName(name)) throw usage(`--for must be one of ${vaultNames.join(', ')}`);
  const [found] = await finders[name](environment);
  if (found !== undefined) return found;
  if (name === 'cluster') requireCluster(clusterFolderOf(environment));
  return local(name, keyFolderOf(environment, name), undefined);
};

/**
 * Returns the vault for which tokens are made before any vault runs: the cluster if the folder
 * belongs to one, otherwise `npm start`.
 */
const presetVault = (environment: NodeJS.ProcessEnv): Vault => {
  const isCluster = existsSync(join(dataFolderOf(environment), 'ports.json'));
  const name = isCluster ? 'cluster' : 'start';
  return local(name, keyFolderOf(environment, name), undefined);
};

const describeAll = (vaults: readonly Vault[]): string =>
  vaults.map(({ name, url }) => (url === undefined ? name : `${name} (${url})`)).join(' and ');

/**
 * Chooses the vault for which a token is made: the one that `name` names, the one that runs, or, if
 * none runs, the one that would be started on the folder. Throws a user-facing error if several run
 * and the choice is not clear, or if the vault does not accept tokens of this machine.
 * `isUrlNeeded` means that the caller also wants to send requests to the vault.
 */
export const chooseVault = async (
  environment: NodeJS.ProcessEnv,
  name: string | undefined,
  isUrlNeeded: boolean,
): Promise<Vault> => {
  const running =
    name === undefined ? await findVaults(environment) : [await namedVault(environment, name)];
  const [vault = presetVault(environment), ...others] = running;
  const isOneKey = others.every(({ keyFolder }) => keyFolder === vault.keyFolder);
  if (others.length > 0 && (isUrlNeeded || !isOneKey)) {
    const choices = running.map((one) => `--for ${one.name}`).join(' or ');
    throw usage(`${describeAll(running)} run here: say which one is meant, with ${choices}`);
  }
  if (isUrlNeeded && vault.url === undefined) {
    throw failure(
      name === undefined
        ? 'no vault runs here: npm start starts one'
        : `the vault of --for ${vault.name} does not run here`,
    );
  }
  if (vault.takesLocalTokens) return vault;
  throw failure(
    `the vault on ${vault.url} takes the tokens of other issuers, not those of this machine: see docs/access.md`,
  );
};

/** The folder of the first running node, or of the first node if none runs. */
const nodeFolderOf = (folder: string): string => {
  requireCluster(folder);
  const folders = nodeFolders(folder);
  return folders.find((one) => runningRecord.find(one) !== undefined) ?? join(folder, 'node-1');
};

/** The option with which a user selects a program's data folder. */
export const folderOption = [
  '--for <name>',
  'which vault, if several are here: start or cluster',
] as const;

/**
 * Chooses the data folder that a program reads: that of the vault that `name` names, or
 * `VAULT_DATA_DIR`, or that of `npm start`. Throws a user-facing error if neither `name` nor the
 * variable is set and a different vault runs here, because the user may mean that one.
 */
export const chooseDataFolder = async (
  environment: NodeJS.ProcessEnv,
  name: string | undefined,
): Promise<string> => {
  const folder = dataFolderOf(environment);
  if (name === 'cluster') return nodeFolderOf(clusterFolderOf(environment));
  if (name !== undefined && name !== 'start') throw usage('--for is start or cluster');
  if (name !== undefined || environment['VAULT_DATA_DIR']) return folder;
  const others = (await findVaults(environment)).filter((one) => one.name !== 'start');
  if (others.length === 0) return folder;
  throw usage(
    `the data of npm start are in ${folder}, and another vault runs here, ${describeAll(others)}: say which is meant, ` +
      'with --for start, --for cluster or VAULT_DATA_DIR',
  );
};
