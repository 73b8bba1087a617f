/**
 * The master key of a vault is in LocalStack's KMS and fails in several ways. The tests tell one
 * story: each begins with the key as the test before has left it.
 */
import {
  CancelKeyDeletionCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  ScheduleKeyDeletionCommand,
} from '@aws-sdk/client-kms';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { freshName, type RunningVault, startVault } from '../../support/running-vault.ts';
import { freshMaterial, type LocalKms, startKms } from './localstack.ts';

let kms: LocalKms;
let vault: RunningVault;
const kept = freshName('KEPT');
const free = freshName('FREE');
const [first, second] = ['the first value', 'the second value'];

type Request = readonly [method: string, path: string, body?: object];
const retrievals: readonly Request[] = [
  ['GET', `/v1/secrets/${kept}`],
  ['GET', `/v1/secrets/${kept}?version=1`],
  ['GET', `/v1/secrets/${kept}/versions?include=values`],
  ['POST', '/v1/env/expand', { content: `A=secret(${kept})` }],
  ['POST', '/v1/env', { content: `A=secret(${kept})` }],
];
const writes: readonly Request[] = [
  ['POST', '/v1/secrets', { name: free, value: 'v' }],
  ['PUT', `/v1/secrets/${kept}`, { value: 'v' }],
  ['POST', '/v1/env', { content: `${free}=v\nB=enc(${free})` }],
  ['POST', '/v1/env/encrypt', { content: `${free}=v\nB=enc(${free})` }],
];

/**
 * Sends each request twice. Both answers must be 503 with this code, come within ten seconds and
 * contain no value.
 */
const expectEach = async (requests: readonly Request[], code: string, retryable: boolean) => {
  for (const request of requests) {
    for (const _ of [1, 2]) {
      const begun = performance.now();
      const reply = await vault.ask(...request);
      expect(performance.now() - begun).toBeLessThan(10_000);
      expect({ request, ...reply }).toMatchObject({
        request,
        status: 503,
        json: { code, retryable },
      });
      expect(reply.text).not.toContain(first);
      expect(reply.text).not.toContain(second);
    }
  }
};

/** Expects that nothing was written, and that the earlier values can be opened. */
const expectAllAsBefore = async () => {
  expect((await vault.ask('GET', `/v1/secrets/${free}`)).status).toBe(404);
  const { json } = await vault.ask('GET', `/v1/secrets/${kept}/versions?include=values&order=asc`);
  expect(json.versions?.map(({ value }) => value)).toEqual([first, second]);
};

beforeAll(async () => {
  kms = await startKms();
  vault = await startVault(kms.env);
  await vault.create(first, kept);
  await vault.ask('PUT', `/v1/secrets/${kept}`, { value: second });
});
afterAll(async () => {
  await vault?.stop();
  await kms?.close();
});

describe('a vault with a failing master key', () => {
  const keyed = () => ({ KeyId: kms.key.id });

  it('stores and opens nothing while the key is disabled, and opens everything once it is enabled again', async () => {
    await kms.client.send(new DisableKeyCommand(keyed()));
    await expectEach([...retrievals, ...writes], 'master_key_unavailable', false);
    await kms.client.send(new EnableKeyCommand(keyed()));
    await expectAllAsBefore();
  });

  it('stores and opens nothing while the key is pending deletion, and opens everything once the deletion is cancelled and the key enabled', async () => {
    await kms.client.send(new ScheduleKeyDeletionCommand({ ...keyed(), PendingWindowInDays: 7 }));
    await expectEach([...retrievals, ...writes], 'master_key_unavailable', false);
    await kms.client.send(new CancelKeyDeletionCommand(keyed()));
    await kms.client.send(new EnableKeyCommand(keyed()));
    await expectAllAsBefore();
  });

  it('stores nothing if KMS does not know its key', async () => {
    const own = vault;
    vault = await startVault({ ...kms.env, MASTER_KEY_ID: `${kms.env['MASTER_KEY_ID']}0` });
    try {
      await expectEach(writes.slice(0, 1), 'master_key_unavailable', false);
      expect((await vault.ask('GET', `/v1/secrets/${free}`)).status).toBe(404);
    } finally {
      await vault.stop();
      vault = own;
    }
  });

  it('answers retryable errors while KMS is unreachable, and opens everything afterwards', async () => {
    await kms.stop();
    await expectEach([...retrievals, ...writes], 'master_key_unavailable', true);
    await kms.start(kms.key);
    await expectAllAsBefore();
  });

  it('stores and opens nothing if KMS was restarted without the key', async () => {
    await kms.start();
    await expectEach([...retrievals, ...writes], 'master_key_unavailable', false);
  });

  it('answers master_key_incorrect to every request that opens a value if the key has other material', async () => {
    await kms.start({ id: kms.key.id, material: freshMaterial() });
    await expectEach(retrievals, 'master_key_incorrect', false);
  });

  it('opens everything again once the key has its own material', async () => {
    await kms.start(kms.key);
    await expectAllAsBefore();
  });
});
