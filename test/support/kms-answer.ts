/**
 * Answers KMS's own protocol with a key in a file, for tests that need a KMS outside the process of
 * the vault.
 */
import { KeyFault } from '../../functions/kms/key-service.ts';
import { keyIdOf } from '../../functions/model/types.ts';
import { createFileKey } from '../../host/kms/file-key.ts';
import type { MasterKey } from '../../host/kms/master-key.ts';

type Input = Readonly<Record<string, unknown>>;

/**
 * Answers one operation, named as in `X-Amz-Target`, with the status and the body that KMS would
 * send.
 */
export type KmsAnswer = (
  operation: string,
  input: Input,
) => Promise<{ readonly status: number; readonly body: object }>;

const refusal = (status: number, type: string, message: string) => ({
  status,
  body: { __type: type, message },
});

export const answerWith = (key: MasterKey): KmsAnswer => {
  const service = createFileKey(key);
  const { signal } = new AbortController();
  const bytesOf = (bytes: Uint8Array | undefined) => Buffer.from(bytes ?? []).toString('base64');

  const perform = async (operation: string, input: Input): Promise<object> => {
    const bound = (input['EncryptionContext'] ?? {}) as Readonly<Record<string, string>>;
    if (operation === 'DescribeKey') {
      const { masterKeyId } = await service.describe(signal);
      const { state } = key.read();
      return { KeyMetadata: { Arn: key.arn, KeyId: masterKeyId, KeyState: state } };
    }
    if (operation === 'GenerateDataKey') {
      const { plaintext, wrapped } = await service.generate(bound, signal);
      return {
        ...{ CiphertextBlob: bytesOf(wrapped), Plaintext: bytesOf(plaintext), KeyId: key.arn },
      };
    }
    if (operation === 'Decrypt') {
      const blob = Buffer.from(String(input['CiphertextBlob']), 'base64');
      const { plaintext } = await service.unwrap(bound, blob, signal);
      return { KeyId: key.arn, Plaintext: bytesOf(plaintext) };
    }
    throw new Error(`${operation} is not served here.`);
  };

  return async (operation, input) => {
    try {
      if (![key.arn, keyIdOf(key.arn)].includes(String(input['KeyId']))) {
        return refusal(400, 'NotFoundException', `Key '${input['KeyId']}' does not exist`);
      }
      return { status: 200, body: await perform(operation, input) };
    } catch (error) {
      if (error instanceof KeyFault) return refusal(400, error.cause, error.message);
      return refusal(500, 'KMSInternalException', String(error));
    }
  };
};
