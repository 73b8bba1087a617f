/**
 * Finds the vaults that run on this machine from this checkout, however they were started, and the keys that sign their
 * tokens. A vault is found by its record in its data folder.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { failure, usage } from '../../system/failures.ts';
import { dataFolderOf } from '../process/data-folder.ts';
import { findCluster, findRunning, type Running } from '../process/process-record.ts';
import { findCloud, findSam, localstackFolderOf, stackFolderOf } from './vault-records.ts';

export const vaultNames = ['start', 'cluster', 'sam', 'localstack'] as const;
type VaultName = (typeof vaultNames)[number];

export type Vault = {
  readonly name: VaultName;
  /** Absent if the vault does not run yet or any more. */
  readonly url?: string | undefined;
  /** The folder of the key that signs its tokens. */
  readonly keyFolder: string;
  /** False if the vault takes only the tokens of other issuers. */
  readonly takesLocalTokens: boolean;
};

/** Returns the folder of a vault's token key, whether it runs or not. */
const keyFolderOf = (environment: NodeJS.ProcessEnv, name: VaultName): string =>
  name === 'cluster' ? join(clusterFolderOf(environment), 'key') : dataFolderOf(environment);

const clusterFolderOf = (environment: NodeJS.ProcessEnv): string =>
  dataFolderOf(environment, '.local/cluster');

/** The first node that runs. All nodes have one access policy. */
const findNode = (keyFolder: string): Running | undefined =>
  [1, 2, 3]
    .map((node) => findRunning(join(keyFolder, '..', `node-${node}`)))
    .find((node) => node !== undefined);

const local = (name: VaultName, keyFolder: string, url: string | undefined): Vault => ({
  name,
  url,
  keyFolder,
  takesLocalTokens: true,
});

const finders: Readonly<Record<VaultName, (given: NodeJS.ProcessEnv) => Promise<Vault[]>>> = {
  start: async (given) => {
    const folder = keyFolderOf(given, 'start');
    const running = findRunning(folder);
    if (!running?.url) return [];
    const { url, takesLocalTokens } = running;
    return [{ ...local('start', folder, url), takesLocalTokens }];
  },
  cluster: async (given) => {
    const folder = keyFolderOf(given, 'cluster');
    if (findCluster(join(folder, '..')) === undefined) return [];
    const { url, takesLocalTokens = true } = findNode(folder) ?? {};
    return [{ ...local('cluster', folder, url), takesLocalTokens }];
  },
  sam: async (given) => {
    const folder = keyFolderOf(given, 'sam');
    const running = findSam(stackFolderOf(folder));
    return running ? [local('sam', folder, running.url)] : [];
  },
  localstack: async (given) => {
    const folder = keyFolderOf(given, 'localstack');
    const running = findCloud(localstackFolderOf(folder));
    return running?.url ? [local('localstack', folder, running.url)] : [];
  },
};

/** Finds all running vaults. */
export const findVaults = async (given: NodeJS.ProcessEnv): Promise<readonly Vault[]> => {
  return (await Promise.all(vaultNames.map((name) => finders[name](given)))).flat();
};

const isVaultName = (text: string): text is VaultName => vaultNames.some((name) => name === text);

const requireCluster = (folder: string): void => {
  if (existsSync(join(folder, 'cluster.json'))) return;
  throw failure(`there is no cluster in the folder ${folder}: npm run cluster starts one`);
};

/** Returns the vault of this name, whether it runs or not. Throws a sentence if there is no such cluster. */
const namedVault = async (given: NodeJS.ProcessEnv, name: string): Promise<Vault> => {
  if (!isVaultName(name)) throw usage(`--for knows ${vaultNames.join(', ')}`);
  const [found] = await finders[name](given);
  if (found !== undefined) return found;
  if (name === 'cluster') requireCluster(clusterFolderOf(given));
  return local(name, keyFolderOf(given, name), undefined);
};

/**
 * Returns the vault to make tokens for before any vault runs: the cluster, if the folder is a cluster's, else `npm
 * start`.
 */
const presetVault = (given: NodeJS.ProcessEnv): Vault => {
  const isCluster = existsSync(join(dataFolderOf(given), 'ports.json'));
  const name = isCluster ? 'cluster' : 'start';
  return local(name, keyFolderOf(given, name), undefined);
};

const describeAll = (vaults: readonly Vault[]): string =>
  vaults.map(({ name, url }) => (url === undefined ? name : `${name} (${url})`)).join(' and ');

/**
 * Chooses the vault to make a token for: the vault that `name` names, else the running one, else the one that `npm
 * start` would start. Throws a sentence if several run and the choice is not clear, or if the vault does not take the
 * tokens of this machine. `isUrlNeeded` means that the caller wants to reach the vault, too.
 */
export const chooseVault = async (
  given: NodeJS.ProcessEnv,
  name: string | undefined,
  isUrlNeeded: boolean,
): Promise<Vault> => {
  const running = name === undefined ? await findVaults(given) : [await namedVault(given, name)];
  const [vault = presetVault(given), ...others] = running;
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

/** The folder of the first node that runs; of the first node, if none does. */
const nodeFolderOf = (folder: string): string => {
  requireCluster(folder);
  const folders = [1, 2, 3].map((node) => join(folder, `node-${node}`));
  return folders.find((one) => findRunning(one) !== undefined) ?? join(folder, 'node-1');
};

/** The option by which a program that reads a data folder is told which one. */
export const folderOption = [
  '--for <name>',
  'which vault, if several are here: start or cluster',
] as const;

/**
 * Chooses the data folder that a program reads: that of the vault that `name` names, else `VAULT_DATA_DIR`, else the one
 * of `npm start`. Throws a sentence if neither is given and another vault runs here, because the caller may mean that.
 */
export const chooseDataFolder = async (
  given: NodeJS.ProcessEnv,
  name: string | undefined,
): Promise<string> => {
  const folder = dataFolderOf(given);
  if (name === 'cluster') return nodeFolderOf(clusterFolderOf(given));
  if (name !== undefined && name !== 'start') throw usage('--for is start or cluster');
  if (name !== undefined || given['VAULT_DATA_DIR']) return folder;
  const others = (await findVaults(given)).filter((one) => one.name !== 'start');
  if (others.length === 0) return folder;
  throw usage(
    `the data of npm start are in ${folder}, and another vault runs here, ${describeAll(others)}: say which is meant, ` +
      'with --for start, --for cluster or VAULT_DATA_DIR',
  );
};
