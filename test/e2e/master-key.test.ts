/** The program that holds the master key, as nodes and people use it. */
import { X509Certificate } from 'node:crypto';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { GenerateDataKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { afterEach, expect, it } from '@jest/globals';
import {
  type ClusterFile,
  createKeyTransport,
  readClusterFile,
} from '../../local/cluster/cluster-file.ts';
import { freshCertificates } from '../support/certificates.ts';
import { freshFolder, type LocalProcess, lineOf, runLocal } from '../support/local-process.ts';
import { describeLocal } from '../support/running-vault.ts';

const started: LocalProcess[] = [];
afterEach(async () => {
  for (const { child, exit } of started.splice(0)) {
    child.kill('SIGTERM');
    await exit;
  }
});

const ready = /^master key at (https:\/\/\S+)$/;
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

const makesDataKeys = async (
  { kms, tls }: ClusterFile,
  endpoint = kms.endpoint,
): Promise<string> => {
  const client = new KMSClient({
    region: 'us-east-1',
    credentials: { accessKeyId: 'none', secretAccessKey: 'none' },
    maxAttempts: 1,
    requestHandler: createKeyTransport(endpoint, tls),
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
  it('writes cluster.json, readable only by its owner, with all that the nodes need to use the key', async () => {
    const folder = freshFolder();
    const { endpoint, file } = await start(folder);
    expect(file.kms.endpoint).toBe(endpoint);
    expect(JSON.parse(file.jwks)).toMatchObject({ keys: [{ kty: 'OKP' }] });
    expect(file.jwks).not.toContain('"d"');
    expect(await makesDataKeys(file)).toBe('yes');
    expect(statSync(join(folder, 'cluster.json')).mode & 0o777).toBe(0o600);
    expect(statSync(join(folder, 'key')).mode & 0o777).toBe(0o700);
  });

  it('keeps the same key, vault id and secret after a restart', async () => {
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

  it('disables and enables the key by local/bin/key.ts', async () => {
    const folder = freshFolder();
    const { file } = await start(folder);
    expect(await key(folder, 'disable')).toEqual([`${file.kms.keyArn} Disabled`]);
    expect(await makesDataKeys(file)).toBe('DisabledException');
    expect(await key(folder, 'enable')).toEqual([`${file.kms.keyArn} Enabled`]);
    expect(await makesDataKeys(file)).toBe('yes');
  });

  it('listens on HOST and gives VAULT_KMS_URL to the nodes as its address', async () => {
    const { endpoint, file } = await start(freshFolder(), {
      HOST: '127.0.0.2',
      VAULT_KMS_URL: 'https://key:4599',
    });
    expect(endpoint).toMatch(/^https:\/\/127\.0\.0\.2:\d+$/);
    expect(file.kms.endpoint).toBe('https://key:4599');
    expect(await makesDataKeys(file, endpoint)).toBe('yes');
  });

  it('refuses clients without a certificate of the cluster', async () => {
    const { file, endpoint } = await start(freshFolder());
    const stranger = { ...file, tls: { ...(await freshCertificates()), ca: file.tls.ca } };
    expect(await makesDataKeys(stranger)).not.toBe('yes');
    await expect(fetch(endpoint.replace('https', 'http'))).rejects.toThrow();
    expect(await makesDataKeys(file)).toBe('yes');
  });

  it('makes a certificate for the hosts of VAULT_NODES, and a new one when they change', async () => {
    const folder = freshFolder();
    const first = await start(folder, { VAULT_NODES: '1=10.0.0.1:2380:2390' });
    first.process.child.kill('SIGTERM');
    await first.process.exit;
    const second = await start(folder, { VAULT_NODES: '1=node-1.internal:2380:2390' });
    const namesOf = ({ file }: typeof first) =>
      new X509Certificate(file.tls.certificate).subjectAltName;
    expect(namesOf(first)).toBe('IP Address:127.0.0.1, DNS:localhost, IP Address:10.0.0.1');
    expect(namesOf(second)).toBe('IP Address:127.0.0.1, DNS:localhost, DNS:node-1.internal');
    // A node with the earlier certificate can still use the key.
    expect(await makesDataKeys({ ...second.file, tls: first.file.tls })).toBe('yes');
  });

  it('refuses a second start on its folder, and continues to serve', async () => {
    const folder = freshFolder();
    const { file } = await start(folder);
    const second = run(folder);
    expect(await second.exit).toBe(1);
    expect(second.errors.join('\n')).toMatch(/^another vault is using the data folder/);
    expect(await makesDataKeys(file)).toBe('yes');
  });

  it.each([
    ['VAULT_CLUSTER_FILE is missing', { VAULT_CLUSTER_FILE: '' }, /VAULT_CLUSTER_FILE must name/],
    ['VAULT_KMS_URL is no URL', { VAULT_KMS_URL: 'key' }, /^VAULT_KMS_URL must be a URL/],
    ['VAULT_KMS_URL is plain HTTP', { VAULT_KMS_URL: 'http://key' }, /such as https:/],
    ['VAULT_NODES is no list of nodes', { VAULT_NODES: 'key' }, /^VAULT_NODES must be a list of/],
    ['PORT is no port number', { PORT: '99999' }, /^PORT must be a number/],
    ['HOST is no address of this machine', { HOST: '192.0.2.1' }, /192\.0\.2\.1 cannot be had/],
  ])('exits with one sentence if %s', async (_, env, sentence) => {
    const { exit, errors } = run(freshFolder(), env);
    expect(await exit).toBe(1);
    expect(errors).toHaveLength(1);
    expect(errors[0]).toMatch(sentence);
  });

  it('exits with one sentence, and changes nothing, if its key is damaged', async () => {
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
