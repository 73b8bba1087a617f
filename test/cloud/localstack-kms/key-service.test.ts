/** A master key in LocalStack's KMS passes the same suite as one in a file. */
import { DisableKeyCommand, EnableKeyCommand } from '@aws-sdk/client-kms';
import { afterAll } from '@jest/globals';
import { createKmsKey } from '../../../functions/kms/kms-key.ts';
import { holdsForEachKey } from '../../support/key-service-suite.ts';
import { type LocalKms, startKms } from './localstack.ts';

let kms: LocalKms | undefined;
afterAll(() => kms?.close());

holdsForEachKey("in LocalStack's KMS", async () => {
  kms = await startKms();
  const { client, key, env } = kms;
  const keyArn = env['MASTER_KEY_ID'] ?? '';
  const named = { KeyId: key.id };
  return {
    service: createKmsKey(client, keyArn),
    keyArn,
    setEnabled: (isEnabled) =>
      client.send(isEnabled ? new EnableKeyCommand(named) : new DisableKeyCommand(named)),
  };
});
