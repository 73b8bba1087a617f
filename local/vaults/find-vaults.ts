/**
 * Finds the vaults that run on this machine from this checkout, however they were started, and the keys that sign their
 * tokens. A vault is found by its record in its data folder.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { failure, usage } from '../../system/failures.ts';
import { openLayout } from '../cluster/layout.ts';
import { dataFolderOf } from '../process/data-folder.ts';
import {
  cloudRecord,
  clusterRecord,
  localstackFolderOf,
  type RunningVault,
  runningRecord,
  samRecord,
  stackFolderOf,
} from './vault-records.ts';

export const vaultNames = ['start', 'cluster', 'sam', 'localstack'] as const;
type VaultName = (typeof vaultNames)[number];

export type Vault = {
  readonly name: VaultName;
  /** Absent if the vault does not run yet or any more. */
  readonly url?: string | undefined;
  /** The certificate that it shows, in PEM; absent over HTTP. */
  readonly certificate?: string | undefined;
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

const nodeFolders = (clusterFolder: string): readonly string[] =>
  [1, 2, 3].map((node) => join(clusterFolder, `node-${node}`));

/** The first node that runs. All nodes have one access policy. */
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

/** Finds all running vaults. */
export const findVaults = async (environment: NodeJS.ProcessEnv): Promise<readonly Vault[]> => {
  return (await Promise.all(vaultNames.map((name) => finders[name](environment)))).flat();
};

export type VaultNode = {
  /** `null` for a vault that has no nodes. */
  readonly node: number | null;
  readonly url: string;
  /** The certificate that it shows, in PEM; `null` over HTTP. */
  readonly certificate: string | null;
  /** The file of its log; `null` if its log is in no file. */
  readonly log: string | null;
};

/** Finds the nodes of a vault, dead ones included. A vault without nodes counts as one. */
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

/** A dead node has no record of its address, but the ports of the nodes follow each other. */
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

/** Returns the vault of this name, whether it runs or not. Throws a sentence if there is no such cluster. */
const namedVault = async (environment: NodeJS.ProcessEnv, name: string): Promise<Vault> => {
  if (!isVaultName(name)) throw usage(`--for knows ${vaultNames.join(', ')}`);
  const [found] = await finders[name](environment);
  if (found !== undefined) return found;
  if (name === 'cluster') requireCluster(clusterFolderOf(environment));
  return local(name, keyFolderOf(environment, name), undefined);
};

/**
 * Returns the vault to make tokens for before any vault runs: the cluster, if the folder is a cluster's, else `npm
 * start`.
 */
const presetVault = (environment: NodeJS.ProcessEnv): Vault => {
  const isCluster = existsSync(join(dataFolderOf(environment), 'ports.json'));
  const name = isCluster ? 'cluster' : 'start';
  return local(name, keyFolderOf(environment, name), undefined);
};

const describeAll = (vaults: readonly Vault[]): string =>
  vaults.map(({ name, url }) => (url === undefined ? name : `${name} (${url})`)).join(' and ');

/**
 * Chooses the vault to make a token for: the vault that `name` names, else the running one, else the one that `npm
 * start` would start. Throws a sentence if several run and the choice is not clear, or if the vault does not take the
 * tokens of this machine. `isUrlNeeded` means that the caller wants to reach the vault, too.
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

/** The folder of the first node that runs; of the first node, if none does. */
const nodeFolderOf = (folder: string): string => {
  requireCluster(folder);
  const folders = nodeFolders(folder);
  return folders.find((one) => runningRecord.find(one) !== undefined) ?? join(folder, 'node-1');
};

/** The option that chooses the data folder of a program. */
export const folderOption = [
  '--for <name>',
  'which vault, if several are here: start or cluster',
] as const;

/**
 * Chooses the data folder that a program reads: that of the vault that `name` names, else `VAULT_DATA_DIR`, else the one
 * of `npm start`. Throws a sentence if neither is set and another vault runs here, because the caller may mean that.
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
