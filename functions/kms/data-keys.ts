/**
 * Data keys from the master key in KMS. `Decrypt` always names the configured key, so that KMS refuses a
 * record that any other key has wrapped. The table below gives the code of each fault, so that the same fault
 * always gives the same answer; `http/responses.ts` has the status of each code.
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
import type { Ports, RequestContext } from '../vault/request.ts';
import { endAfter, type Failure, limitCall, outOfTime, retryCall } from '../vault/retries.ts';

type Fault = {
  readonly code: ErrorCode;
  readonly retryable: boolean;
  readonly kind: Failure['kind'];
};

const incorrect = { code: 'master_key_incorrect', retryable: false, kind: 'permanent' } as const;
const unusable = { code: 'master_key_unavailable', retryable: false, kind: 'permanent' } as const;
const unreachable = { code: 'master_key_unavailable', retryable: true, kind: 'transient' } as const;
const throttled = { code: 'throttled', retryable: true, kind: 'throttled' } as const;

/** The fault table (docs/design/envelope.md). A fault that is not listed is `unreachable`. */
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
  semaphore: Semaphore = createSemaphore(limits.kmsCallsAtOnceMax),
): Ports['dataKeys'] => ({
  for: (context) => ({
    async generate(bound) {
      const command = new GenerateDataKeyCommand({
        KeyId: masterKeyId,
        KeySpec: 'AES_256',
        EncryptionContext: { ...bound },
      });
      const output = await call(context, semaphore, 'GenerateDataKey', (abortSignal) =>
        client.send(command, { abortSignal }),
      );
      const { Plaintext, CiphertextBlob, KeyId } = output;
      if (Plaintext?.length !== dataKeyBytes || !CiphertextBlob?.length || !KeyId) {
        throw faultOf(context, unusable);
      }
      return { plaintext: Plaintext, wrapped: CiphertextBlob, masterKeyId: KeyId };
    },

    async unwrap(bound, wrapped) {
      const command = new DecryptCommand({
        KeyId: masterKeyId,
        CiphertextBlob: wrapped,
        EncryptionContext: { ...bound },
      });
      const { Plaintext } = await call(context, semaphore, 'Decrypt', (abortSignal) =>
        client.send(command, { abortSignal }),
      );
      if (Plaintext?.length !== dataKeyBytes) throw faultOf(context, incorrect);
      return Plaintext;
    },

    async probe() {
      const command = new DescribeKeyCommand({ KeyId: masterKeyId });
      const sent = callOnce(context, 'DescribeKey', () =>
        endAfter(context.clock, times.statusCallMs, (abortSignal) =>
          client.send(command, { abortSignal }),
        ),
      );
      const { KeyMetadata } = await sent.catch((cause) => {
        throw faultOf(context, faultBehind(cause), cause);
      });
      if (KeyMetadata?.KeyState !== 'Enabled' || !KeyMetadata.KeyId) {
        throw faultOf(context, unusable);
      }
      return { masterKeyId: KeyMetadata.KeyId };
    },
  }),
});

/**
 * Calls KMS, with retries after transient faults while there is time. Throws the code of the last fault. A
 * request whose time is over before KMS was called has met no fault of KMS.
 */
const call = <Output>(
  context: RequestContext,
  semaphore: Semaphore,
  operation: string,
  send: (abortSignal: AbortSignal) => Promise<Output>,
): Promise<Output> => {
  let last: Failure | undefined;
  const callWithPermit = async (): Promise<Output> => {
    if (!(await semaphore.acquire(context))) throw last ? last.error() : outOfTime(context);
    try {
      return await callOnce(context, operation, () =>
        limitCall(context, times.kmsCallMs, times.attemptsEndMs, send),
      );
    } finally {
      semaphore.release();
    }
  };
  return retryCall(context, callWithPermit, (cause) => {
    const fault = faultBehind(cause);
    last = { kind: fault.kind, error: () => faultOf(context, fault, cause) };
    return last;
  });
};

/** Makes one call, and tells the journal its id, by which CloudTrail knows the call. */
const callOnce = async <Output>(
  { journal }: RequestContext,
  operation: string,
  send: () => Promise<Output>,
): Promise<Output> => {
  journal.called('kms', operation);
  try {
    const output = await send();
    journal.answered(requestIdOf(output));
    return output;
  } catch (error) {
    journal.answered(requestIdOf(error));
    throw error;
  }
};

/** The client gives outputs and errors of KMS the same metadata. An error without a reply has none. */
const requestIdOf = (reply: unknown): string | undefined =>
  (reply as { readonly $metadata?: { readonly requestId?: string } } | undefined)?.$metadata
    ?.requestId;

const faultBehind = (cause: unknown): Fault =>
  faults.get(cause instanceof Error ? cause.name : '') ?? unreachable;

const faultOf = (context: RequestContext, fault: Fault, cause?: unknown): VaultError => {
  if (fault !== throttled) context.journal.decided('key_fault');
  const { code, retryable } = fault;
  return new VaultError(code, 'the master key cannot be used', { retryable, cause });
};

type Semaphore = {
  /** Resolves to true with a permit, or to false when the time for new calls of the request is over. */
  readonly acquire: (context: RequestContext) => Promise<boolean>;
  /** Must be called once for each permit. */
  readonly release: () => void;
};

type Waiter = { readonly context: RequestContext; readonly end: (isAcquired: boolean) => void };

/**
 * A semaphore limits the concurrent calls of one process to the master key. Without it, too many requests
 * would spend their time on waiting for sockets and the processor, and none would finish. A released permit
 * goes to the oldest request that may still make calls, so that requests finish one after another.
 */
export const createSemaphore = (count: number): Semaphore => {
  const waiting = new Set<Waiter>();
  let free = count;
  const older = (a: Waiter, b: Waiter) => (b.context.elapsed() > a.context.elapsed() ? b : a);
  const oldest = (): Waiter | undefined => {
    const [first, ...others] = waiting;
    return first && others.reduce(older, first);
  };
  const leftMs = ({ elapsed }: RequestContext) => times.kmsCallsUntilMs - elapsed();

  return {
    acquire: (context) => {
      const left = leftMs(context);
      if (left <= 0) return Promise.resolve(false);
      if (free > 0) {
        free -= 1;
        return Promise.resolve(true);
      }
      return new Promise((resolve) => {
        const one: Waiter = {
          context,
          end: (isAcquired) => {
            cancel();
            waiting.delete(one);
            resolve(isAcquired);
          },
        };
        const cancel = context.clock.after(left, () => one.end(false));
        waiting.add(one);
      });
    },
    release: () => {
      for (let next = oldest(); next !== undefined; next = oldest()) {
        const isInTime = leftMs(next.context) > 0;
        next.end(isInTime);
        if (isInTime) return;
      }
      free += 1;
    },
  };
};
