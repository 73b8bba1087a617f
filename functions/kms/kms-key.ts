/**
 * A master key in KMS. `Decrypt` always names the configured key, so KMS refuses a data key that
 * any other key wrapped.
 */
import {
  DecryptCommand,
  DescribeKeyCommand,
  GenerateDataKeyCommand,
  type KMSClient,
} from '@aws-sdk/client-kms';
import type { KeyService } from './key-service.ts';

export const createKmsKey = (client: KMSClient, masterKeyId: string): KeyService => ({
  async generate(bound, abortSignal) {
    const command = new GenerateDataKeyCommand({
      KeyId: masterKeyId,
      KeySpec: 'AES_256',
      EncryptionContext: { ...bound },
    });
    const output = await client.send(command, { abortSignal });
    const { Plaintext: plaintext, CiphertextBlob: wrapped, KeyId } = output;
    return {
      ...(plaintext && { plaintext }),
      ...(wrapped && { wrapped }),
      ...(KeyId && { masterKeyId: KeyId }),
      requestId: output.$metadata?.requestId,
    };
  },

  async unwrap(bound, wrapped, abortSignal) {
    const command = new DecryptCommand({
      KeyId: masterKeyId,
      CiphertextBlob: wrapped,
      EncryptionContext: { ...bound },
    });
    const { Plaintext: plaintext, $metadata } = await client.send(command, { abortSignal });
    return { ...(plaintext && { plaintext }), requestId: $metadata?.requestId };
  },

  async describe(abortSignal) {
    const command = new DescribeKeyCommand({ KeyId: masterKeyId });
    const { KeyMetadata: key, $metadata } = await client.send(command, { abortSignal });
    return {
      masterKeyId: key?.KeyId,
      isEnabled: key?.KeyState === 'Enabled',
      requestId: $metadata?.requestId,
    };
  },
});
