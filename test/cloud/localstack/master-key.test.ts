/** The master key of the deployed stack is a key of LocalStack's KMS, whose faults reach the values. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { freshName, type RunningVault, startVault } from '../../support/running-vault.ts';
import { askAws, aws, outputOf } from './aws.ts';

let vault: RunningVault;
let token: string;
let keyArn: string;
const name = freshName('KEPT');
const free = freshName('FREE');
const call = (method: string, path: string, body?: object) =>
  vault.call(method, path, body === undefined ? { token } : { token, body });
const kms = (...args: readonly string[]) => aws(vault.dataDir, 'kms', ...args, '--key-id', keyArn);

beforeAll(async () => {
  vault = await startVault();
  token = vault.token();
  keyArn = await outputOf(vault.dataDir, 'MasterKeyArn');
  await call('POST', '/v1/secrets', { name, value: 'v' });
});
afterAll(async () => {
  await kms('enable-key');
  await vault.stop();
});

describe('the master key of the stack', () => {
  it('has the id that its alias and the status show', async () => {
    const described = await askAws<{ KeyMetadata: { Arn: string } }>(
      vault.dataDir,
      ...['kms', 'describe-key', '--key-id', 'alias/vault'],
    );
    expect(described.KeyMetadata.Arn).toBe(keyArn);
    const { json } = await call('GET', '/v1/status');
    expect(json).toMatchObject({ masterKey: { reachable: true, id: keyArn.split('/')[1] } });
  });

  it('stores and opens nothing while disabled, and everything after it is enabled again', async () => {
    await kms('disable-key');
    const unavailable = { status: 503, json: { code: 'master_key_unavailable', retryable: false } };
    for (const _ of [1, 2]) {
      expect(await call('GET', `/v1/secrets/${name}`)).toMatchObject(unavailable);
      expect(await call('POST', '/v1/secrets', { name: free, value: 'v' })).toMatchObject(
        unavailable,
      );
    }
    await kms('enable-key');
    expect((await call('GET', `/v1/secrets/${name}`)).json).toMatchObject({
      version: 1,
      value: 'v',
    });
    expect((await call('GET', `/v1/secrets/${free}`)).status).toBe(404);
    expect((await call('POST', '/v1/secrets', { name: free, value: 'v' })).status).toBe(201);
  });
});
