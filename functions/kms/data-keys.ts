/**
 * Data keys from the master key in KMS. `Decrypt` always names the configured key, so that a record
 * wrapped by any other key is refused whatever KMS knows. What a fault means is the table below; the
 * same fault gives the same answer every time.
 */
import {
  DecryptCommand,
  DescribeKeyCommand,
  GenerateDataKeyCommand,
  type KMSClient,
} from '@aws-sdk/client-kms';
import { dataKeyBytes } from '../crypto/envelope.ts';
import { type ErrorCode, VaultError } from '../model/errors.ts';
import { limits, times } from '../model/limits.ts';
import type { DataKeys, RequestContext } from '../vault/ports.ts';
import { outOfTime, startBackoff } from '../vault/tries.ts';
import { createSlots, type Slots } from './slots.ts';

type Fault = { readonly code: ErrorCode; readonly retryable: boolean; readonly again: boolean };

const incorrect = { code: 'master_key_incorrect', retryable: false, again: false } as const;
const unusable = { code: 'master_key_unavailable', retryable: false, again: false } as const;
const unreachable = { code: 'master_key_unavailable', retryable: true, again: true } as const;
const throttled = { code: 'throttled', retryable: true, again: true } as const;

/** The fault table (docs/design/envelope.md). Everything not named here is `unreachable`. */
const faults: ReadonlyMap<string, Fault> = new Map<string, Fault>([
  ['IncorrectKeyException', incorrect],
  ['InvalidCiphertextException', incorrect],
  ['DisabledException', unusable],
  ['KMSInvalidStateException', unusable],
  ['NotFoundException', unusable],
  ['AccessDeniedException', unusable],
  ['InvalidKeyUsageException', unusable],
  ['UnrecognizedClientException', unusable],
  ['InvalidSignatureException', unusable],
  ['ThrottlingException', throttled],
  ['LimitExceededException', throttled],
]);

export const createDataKeys = (
  client: KMSClient,
  masterKeyId: string,
  slots: Slots = createSlots(limits.kmsCallsAtOnceMax),
): DataKeys => ({
  async generate(context, bound) {
    const command = new GenerateDataKeyCommand({
      KeyId: masterKeyId,
      KeySpec: 'AES_256',
      EncryptionContext: { ...bound },
    });
    const output = await call(context, slots, 'GenerateDataKey', (abortSignal) =>
      client.send(command, { abortSignal }),
    );
    const { Plaintext, CiphertextBlob, KeyId } = output;
    if (Plaintext?.length !== dataKeyBytes || !CiphertextBlob?.length || !KeyId) {
      throw fault(context, unusable);
    }
    return { plaintext: Plaintext, wrapped: CiphertextBlob, masterKeyId: KeyId };
  },

  async unwrap(context, bound, wrapped) {
    const command = new DecryptCommand({
      KeyId: masterKeyId,
      CiphertextBlob: wrapped,
      EncryptionContext: { ...bound },
    });
    const { Plaintext } = await call(context, slots, 'Decrypt', (abortSignal) =>
      client.send(command, { abortSignal }),
    );
    if (Plaintext?.length !== dataKeyBytes) throw fault(context, incorrect);
    return Plaintext;
  },

  async probe(context) {
    const command = new DescribeKeyCommand({ KeyId: masterKeyId });
    const abortSignal = context.clock.signalAfter(times.statusCallMs);
    context.journal.called('kms', 'DescribeKey');
    const { KeyMetadata } = await client.send(command, { abortSignal });
    if (KeyMetadata?.KeyState !== 'Enabled' || !KeyMetadata.KeyId) throw fault(context, unusable);
    return { masterKeyId: KeyMetadata.KeyId };
  },
});

/**
 * Calls KMS, again after faults that pass, while there is time. Throws the code of the last fault; a request whose time
 * is over before KMS was called has met no fault of KMS.
 */
const call = async <Output>(
  context: RequestContext,
  slots: Slots,
  operation: string,
  send: (abortSignal: AbortSignal) => Promise<Output>,
): Promise<Output> => {
  const again = startBackoff(context);
  let failed: { readonly met: Fault; readonly cause: unknown } | undefined;
  for (let failures = 0; ; ) {
    if (!(await slots.take(context))) {
      throw failed ? fault(context, failed.met, failed.cause) : outOfTime(context);
    }
    try {
      return await callOnce(context, slots, operation, send);
    } catch (cause) {
      const met = faults.get(cause instanceof Error ? cause.name : '') ?? unreachable;
      failed = { met, cause };
      if (met !== throttled) failures += 1;
      if (met.again && failures < times.failedTriesMax && (await again())) continue;
      throw fault(context, met, cause);
    }
  }
};

/** One call, in a slot that was had; gives it back. A process that stood still in between leaves it a moment. */
const callOnce = async <Output>(
  context: RequestContext,
  slots: Slots,
  operation: string,
  send: (abortSignal: AbortSignal) => Promise<Output>,
): Promise<Output> => {
  try {
    const limit = Math.min(times.kmsCallMs, times.triesEndMs - context.elapsed());
    context.journal.called('kms', operation);
    return await send(context.clock.signalAfter(Math.max(1, limit)));
  } finally {
    slots.giveBack();
  }
};

const fault = (context: RequestContext, met: Fault, cause?: unknown): VaultError => {
  if (met !== throttled) context.journal.decided('key_fault');
  const { code, retryable } = met;
  return new VaultError(code, 'the master key cannot be used', { retryable, cause });
};
