/** The program of the master key, as the nodes of a cluster and the commands of a person meet it. */
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { GenerateDataKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { afterEach, expect, it } from '@jest/globals';
import { type ClusterFile, readClusterFile } from '../../local/cluster/cluster-file.ts';
import { freshFolder, type LocalProcess, lineOf, runLocal } from '../support/local-process.ts';
import { describeLocal } from '../support/running-vault.ts';

const started: LocalProcess[] = [];
afterEach(async () => {
  for (const { child, exit } of started.splice(0)) {
    child.kill('SIGTERM');
    await exit;
  }
});

const ready = /^master key at (http:\/\/\S+)$/;
const run = (folder: string, env: NodeJS.ProcessEnv = {}): LocalProcess => {
  const files = {
    VAULT_DATA_DIR: join(folder, 'key'),
    VAULT_CLUSTER_FILE: join(folder, 'cluster.json'),
  };
  const process = runLocal('master-key', [], { ...files, ...env });
  started.push(process);
  return process;
};
const start = async (folder: string, env: NodeJS.ProcessEnv = {}) => {
  const process = run(folder, env);
  const endpoint = await lineOf(process, ready);
  return { process, endpoint, file: readClusterFile(join(folder, 'cluster.json')) };
};

const makesDataKeys = async ({ kms }: ClusterFile, endpoint = kms.endpoint): Promise<string> => {
  const client = new KMSClient({
    region: 'us-east-1',
    endpoint,
    credentials: kms.credentials,
    maxAttempts: 1,
  });
  try {
    await client.send(new GenerateDataKeyCommand({ KeyId: kms.keyArn, KeySpec: 'AES_256' }));
    return 'yes';
  } catch (error) {
    return error instanceof Error ? error.name : String(error);
  } finally {
    client.destroy();
  }
};

const key = async (folder: string, action: string): Promise<readonly string[]> => {
  const command = runLocal('key', [action], { VAULT_DATA_DIR: join(folder, 'key') });
  await command.exit;
  return [...command.output, ...command.errors];
};

describeLocal('the program of the master key', () => {
  it('tells the nodes in cluster.json, for its owner only, what they need to use the key', async () => {
    const folder = freshFolder();
    const { endpoint, file } = await start(folder);
    expect(file.kms.endpoint).toBe(endpoint);
    expect(JSON.parse(file.jwks)).toMatchObject({ keys: [{ kty: 'OKP' }] });
    expect(file.jwks).not.toContain('"d"');
    expect(await makesDataKeys(file)).toBe('yes');
    expect(statSync(join(folder, 'cluster.json')).mode & 0o777).toBe(0o600);
    expect(statSync(join(folder, 'key')).mode & 0o777).toBe(0o700);
  });

  it('has the same key and the same secret when it is started again', async () => {
    const folder = freshFolder();
    const first = await start(folder);
    first.process.child.kill('SIGTERM');
    expect(await first.process.exit).toBe(0);
    const { file } = await start(folder);
    expect({ ...file, kms: { ...file.kms, endpoint: '' } }).toEqual({
      ...first.file,
      kms: { ...first.file.kms, endpoint: '' },
    });
  });

  it('is disabled and enabled by npm run key', async () => {
    const folder = freshFolder();
    const { file } = await start(folder);
    expect(await key(folder, 'disable')).toEqual([`${file.kms.keyArn} Disabled`]);
    expect(await makesDataKeys(file)).toBe('DisabledException');
    expect(await key(folder, 'enable')).toEqual([`${file.kms.keyArn} Enabled`]);
    expect(await makesDataKeys(file)).toBe('yes');
  });

  it('listens on HOST, and names itself to the nodes as VAULT_KMS_URL says', async () => {
    const { endpoint, file } = await start(freshFolder(), {
      HOST: '127.0.0.2',
      VAULT_KMS_URL: 'http://key:4599',
    });
    expect(endpoint).toMatch(/^http:\/\/127\.0\.0\.2:\d+$/);
    expect(file.kms.endpoint).toBe('http://key:4599');
    expect(await makesDataKeys(file, endpoint)).toBe('yes');
  });

  it('refuses to start twice on one folder, and the first one goes on', async () => {
    const folder = freshFolder();
    const { file } = await start(folder);
    const second = run(folder);
    expect(await second.exit).toBe(1);
    expect(second.errors.join('\n')).toMatch(/^another vault is using the data folder/);
    expect(await makesDataKeys(file)).toBe('yes');
  });

  it.each([
    ['VAULT_CLUSTER_FILE is missing', { VAULT_CLUSTER_FILE: '' }, /VAULT_CLUSTER_FILE must name/],
    ['VAULT_KMS_URL is none', { VAULT_KMS_URL: 'key' }, /^VAULT_KMS_URL must be a URL/],
    ['PORT is none', { PORT: '99999' }, /^PORT must be a number/],
    ['HOST is not here', { HOST: '192.0.2.1' }, /^port 0 of 192\.0\.2\.1 cannot be had/],
  ])('ends with one sentence if %s', async (_, env, sentence) => {
    const { exit, errors } = run(freshFolder(), env);
    expect(await exit).toBe(1);
    expect(errors).toHaveLength(1);
    expect(errors[0]).toMatch(sentence);
  });

  it('ends with one sentence, and changes nothing, if its key is damaged', async () => {
    const folder = freshFolder();
    const { process } = await start(folder);
    process.child.kill('SIGTERM');
    await process.exit;
    const keyFile = join(folder, 'key', 'kms.json');
    writeFileSync(keyFile, '{"canary"');
    const { exit, errors } = run(folder);
    expect(await exit).toBe(1);
    expect(errors).toEqual([expect.stringMatching(/kms\.json is damaged/)]);
    expect(readFileSync(keyFile, 'utf8')).toBe('{"canary"');
  });
});
