/**
 * How a command finds the vault it is for. This process writes the records that running vaults
 * would write.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { root } from '../../../../host/process/data-folder.ts';
import {
  cloudRecord,
  clusterRecord,
  runningRecord,
  samRecord,
} from '../../../../host/process/vault-records.ts';
import { chooseDataFolder, chooseVault } from '../../../../host/vaults/find-vaults.ts';
import { freshFolder } from '../../../support/local-process.ts';

let folder: string;
let given: NodeJS.ProcessEnv;
beforeEach(() => {
  folder = freshFolder();
  given = { VAULT_DATA_DIR: folder };
});

const inFolder = (...names: readonly string[]): string => {
  const made = join(folder, ...names);
  mkdirSync(made, { recursive: true });
  return made;
};
const running = {
  ...{
    dynamodbEndpoint: '',
    vaultId: 'v',
    tableName: '',
    masterKeyId: '',
  },
  takesLocalTokens: true,
};
const start = (url = 'http://127.0.0.1:3000') =>
  runningRecord.remember(folder, { ...running, url });
const cluster = () => {
  clusterRecord.remember(folder, {});
  runningRecord.remember(inFolder('node-2'), { ...running, url: 'http://127.0.0.1:3002' });
};
const sam = () => samRecord.remember(inFolder('stack'), { url: 'http://127.0.0.1:3100' });
const localstack = (url?: string) =>
  cloudRecord.remember(inFolder('localstack'), {
    endpoint: 'e',
    samPrograms: 's',
    awsPrograms: 'a',
    url,
  });
const choose = (name?: string, isUrlNeeded = false) => chooseVault(given, name, isUrlNeeded);
const own = () => folder;
const ofKey = () => join(folder, 'key');

describe('npm run token', () => {
  it('makes a token for npm start, without an address, if no vault is running', async () => {
    expect(await choose()).toMatchObject({ name: 'start', keyFolder: own(), url: undefined });
    await expect(choose(undefined, true)).rejects.toThrow(
      'no vault runs here: npm start starts one',
    );
  });

  it('chooses the cluster in the folder of a cluster that is not running', async () => {
    writeFileSync(join(folder, 'ports.json'), '{}');
    expect(await choose()).toMatchObject({ name: 'cluster', keyFolder: ofKey() });
  });

  it('makes a token with the key in the folder that init made', async () => {
    writeFileSync(join(folder, 'cluster.json'), '{}');
    expect(await choose()).toMatchObject({ keyFolder: own() });
  });

  it('finds a vault on LocalStack once the template is deployed', async () => {
    const url = 'http://127.0.0.1:4566/_aws/execute-api/a/prod';
    localstack();
    expect(await choose()).toMatchObject({ name: 'start' });
    localstack(url);
    expect(await choose(undefined, true)).toMatchObject({
      name: 'localstack',
      url,
      keyFolder: own(),
    });
  });

  it('finds the running cluster, and signs with the key in its folder', async () => {
    cluster();
    const found = { name: 'cluster', url: 'http://127.0.0.1:3002', keyFolder: ofKey() };
    expect(await choose(undefined, true)).toMatchObject(found);
  });

  it('refuses to choose if several vaults with different keys are running, and suggests --for', async () => {
    start();
    cluster();
    const sentence =
      'start (http://127.0.0.1:3000) and cluster (http://127.0.0.1:3002) run here: ' +
      'say which one is meant, with --for start or --for cluster';
    await expect(choose()).rejects.toThrow(
      expect.objectContaining({ message: sentence, exitCode: 2 }),
    );
    expect(await choose('cluster')).toMatchObject({ keyFolder: ofKey() });
    expect(await choose('start', true)).toMatchObject({ url: 'http://127.0.0.1:3000' });
  });

  it('chooses one of several running vaults with the same key, unless the command needs an address', async () => {
    start();
    sam();
    expect(await choose()).toMatchObject({ keyFolder: own() });
    await expect(choose(undefined, true)).rejects.toThrow('--for start or --for sam');
  });

  it('makes a token for a named vault that is not running, but gives no address', async () => {
    writeFileSync(join(folder, 'cluster.json'), '{}');
    expect(await choose('cluster')).toMatchObject({ keyFolder: ofKey(), url: undefined });
    await expect(choose('cluster', true)).rejects.toThrow(
      'the vault of --for cluster does not run here',
    );
  });

  it('refuses the name of a cluster that was never started here', async () => {
    await expect(choose('cluster')).rejects.toThrow(
      `there is no cluster in the folder ${folder}: npm run cluster starts one`,
    );
  });

  it('refuses an unknown name of a vault in --for, and lists the known names', async () => {
    await expect(choose('aws')).rejects.toThrow(
      '--for must be one of start, cluster, sam, localstack',
    );
  });

  it('refuses a vault that accepts only tokens of other issuers', async () => {
    runningRecord.remember(folder, {
      ...running,
      takesLocalTokens: false,
      url: 'http://127.0.0.1:3000',
    });
    await expect(choose()).rejects.toThrow(
      'the vault on http://127.0.0.1:3000 takes the tokens of other issuers, not those of this machine',
    );
  });

  it('refuses a cluster whose nodes accept only tokens of other issuers', async () => {
    const url = 'http://127.0.0.1:3002';
    clusterRecord.remember(folder, {});
    runningRecord.remember(inFolder('node-2'), { ...running, takesLocalTokens: false, url });
    await expect(choose()).rejects.toThrow(`the vault on ${url} takes the tokens of other issuers`);
  });
});

describe('npm run backup and inspect', () => {
  const wanted = (name?: string) => chooseDataFolder(given, name);

  it('read the folder in VAULT_DATA_DIR, even while a cluster is running', async () => {
    cluster();
    expect(await wanted()).toBe(folder);
    expect(await wanted('start')).toBe(folder);
  });

  it('read the first running node of the cluster with --for cluster, or node 1 if none is running', async () => {
    await expect(wanted('cluster')).rejects.toThrow('there is no cluster in the folder');
    writeFileSync(join(folder, 'cluster.json'), '{}');
    expect(await wanted('cluster')).toBe(join(folder, 'node-1'));
    cluster();
    expect(await wanted('cluster')).toBe(join(folder, 'node-2'));
  });

  it('refuse to choose between the folder of npm start and another running vault', async () => {
    given = { PATH: folder };
    process.chdir(folder);
    const own = join(folder, '.local/data');
    expect(await wanted()).toBe(own);
    folder = inFolder('.local', 'cluster');
    cluster();
    await expect(wanted()).rejects.toThrow(
      expect.objectContaining({
        message:
          `the data of npm start are in ${own}, and another vault runs here, cluster (http://127.0.0.1:3002): say ` +
          'which is meant, with --for start, --for cluster or VAULT_DATA_DIR',
        exitCode: 2,
      }),
    );
    expect(await wanted('start')).toBe(own);
    process.chdir(root);
  });

  it('refuse every name for --for except start and cluster', async () => {
    await expect(wanted('docker')).rejects.toThrow('--for is start or cluster');
  });
});
