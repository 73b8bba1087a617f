/**
 * The master key of the deployed stack is in LocalStack's KMS. If that key fails, values cannot be
 * stored or opened.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { freshName, useVault } from '../../support/running-vault.ts';
import { untilSeen } from '../../support/until.ts';
import { askAws, aws, outputOf } from './aws.ts';

const vault = useVault();
let keyArn: string;
const name = freshName('KEPT');
const free = freshName('FREE');
const kms = (...args: readonly string[]) => aws(vault.dataDir, 'kms', ...args, '--key-id', keyArn);

beforeAll(async () => {
  keyArn = await outputOf(vault.dataDir, 'MasterKeyArn');
  await vault.create('v', name);
});
afterAll(async () => {
  await kms('enable-key');
});

describe('the master key of the stack', () => {
  it('has the id that its alias and the status show', async () => {
    const described = await askAws<{ KeyMetadata: { Arn: string } }>(
      vault.dataDir,
      ...['kms', 'describe-key', '--key-id', 'alias/vault'],
    );
    expect(described.KeyMetadata.Arn).toBe(keyArn);
    // If the probe takes more than a second, the status is degraded.
    const { json } = await untilSeen(
      () => vault.ask('GET', '/v1/status'),
      ({ status }) => status === 200,
    );
    expect(json).toMatchObject({ masterKey: { reachable: true, id: keyArn.split('/')[1] } });
  });

  it('lets the vault store and open nothing while it is disabled, and both again after it is enabled', async () => {
    await kms('disable-key');
    const unavailable = { status: 503, json: { code: 'master_key_unavailable', retryable: false } };
    for (const _ of [1, 2]) {
      expect(await vault.ask('GET', `/v1/secrets/${name}`)).toMatchObject(unavailable);
      expect(await vault.ask('POST', '/v1/secrets', { name: free, value: 'v' })).toMatchObject(
        unavailable,
      );
    }
    await kms('enable-key');
    expect((await vault.ask('GET', `/v1/secrets/${name}`)).json).toMatchObject({
      version: 1,
      value: 'v',
    });
    expect((await vault.ask('GET', `/v1/secrets/${free}`)).status).toBe(404);
    expect((await vault.ask('POST', '/v1/secrets', { name: free, value: 'v' })).status).toBe(201);
  });
});
