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
import {
  KeyFault,
  type KeyService,
  keyFaults,
  type Meaning,
  throttled,
  unreachable,
  unusable,
} from './key-service.ts';

export const createKmsKey = (client: KMSClient, masterKeyId: string): KeyService => ({
  async generate(bound, abortSignal) {
    const command = new GenerateDataKeyCommand({
      KeyId: masterKeyId,
      KeySpec: 'AES_256',
      EncryptionContext: { ...bound },
    });
    const output = await answered(client.send(command, { abortSignal }));
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
    const { Plaintext: plaintext, $metadata } = await answered(
      client.send(command, { abortSignal }),
    );
    return { ...(plaintext && { plaintext }), requestId: $metadata?.requestId };
  },

  async describe(abortSignal) {
    const command = new DescribeKeyCommand({ KeyId: masterKeyId });
    const { KeyMetadata: key, $metadata } = await answered(client.send(command, { abortSignal }));
    return {
      masterKeyId: key?.KeyId,
      isEnabled: key?.KeyState === 'Enabled',
      requestId: $metadata?.requestId,
    };
  },
});

/**
 * What the names of KMS's errors mean (docs/design/envelope.md). An error with any other name
 * counts as `unreachable`.
 */
const meanings: ReadonlyMap<string, Meaning> = new Map<string, Meaning>([
  ...Object.values(keyFaults).map((fault) => [fault.cause, fault] as const),
  ['AccessDeniedException', unusable],
  ['InvalidKeyUsageException', unusable],
  ['UnrecognizedClientException', unusable],
  ['InvalidSignatureException', unusable],
  ['ThrottlingException', throttled],
  ['LimitExceededException', throttled],
]);

/** Returns the reply of a call to KMS. If the call failed, throws its `KeyFault`. */
const answered = async <Output>(reply: Promise<Output>): Promise<Output> => {
  try {
    return await reply;
  } catch (error) {
    throw error instanceof Error ? keyFaultOf(error) : error;
  }
};

/** Errors of the KMS client have a request id only if KMS replied. */
const keyFaultOf = (
  error: Error & { readonly $metadata?: { readonly requestId?: string } },
): KeyFault => {
  const meaning = meanings.get(error.name) ?? unreachable;
  return new KeyFault({ ...meaning, cause: error.name }, error.message, error.$metadata?.requestId);
};
