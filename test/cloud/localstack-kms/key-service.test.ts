/** A master key in LocalStack's KMS passes the same suite as one in a file. */
import { randomUUID } from 'node:crypto';
import {
  CancelKeyDeletionCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  ScheduleKeyDeletionCommand,
} from '@aws-sdk/client-kms';
import { afterAll } from '@jest/globals';
import { createKmsKey } from '../../../functions/kms/kms-key.ts';
import type { KeyState } from '../../../host/kms/key-file.ts';
import { putFixedKey } from '../../../local/containers/fixed-key.ts';
import { holdsForEachKey } from '../../support/key-service-suite.ts';
import { freshMaterial, type LocalKms, startKms } from './localstack.ts';

let kms: LocalKms | undefined;
afterAll(() => kms?.close());

holdsForEachKey("in LocalStack's KMS", async () => {
  kms = await startKms();
  const { client, key, env } = kms;
  const keyArn = env['MASTER_KEY_ID'] ?? '';
  const named = { KeyId: key.id };
  let isPending = false;
  const setState = async (state: KeyState) => {
    if (isPending) await client.send(new CancelKeyDeletionCommand(named));
    isPending = state === 'PendingDeletion';
    if (isPending) return await client.send(new ScheduleKeyDeletionCommand(named));
    const isEnabled = state === 'Enabled';
    return await client.send(
      isEnabled ? new EnableKeyCommand(named) : new DisableKeyCommand(named),
    );
  };
  const other = await putFixedKey(client, { id: randomUUID(), material: freshMaterial() });
  return {
    ...{ service: createKmsKey(client, keyArn), keyArn, setState },
    other: createKmsKey(client, other),
    missing: createKmsKey(client, randomUUID()),
  };
});
