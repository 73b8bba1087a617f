/**
 * Data keys from the master key. Retries, time limits and answers to faults are the same for a key
 * in KMS and one in a file. `http/responses.ts` has the status of each code.
 */
import { dataKeyBytes } from '../crypto/envelope.ts';
import { ApiError } from '../model/errors.ts';
import { limits, times } from '../model/limits.ts';
import type { Ports, RequestContext } from '../vault/request.ts';
import { endAfter, type Failure, limitCall, outOfTime, retryCall } from '../vault/retries.ts';
import {
  incorrect,
  KeyFault,
  type KeyService,
  type Meaning,
  unreachable,
  unusable,
} from './key-service.ts';

export const createDataKeys = (
  service: KeyService,
  semaphore: Semaphore = createSemaphore(limits.kmsCallsAtOnceMax),
): Ports['dataKeys'] => ({
  for: (context) => ({
    async generate(bound) {
      const { plaintext, wrapped, masterKeyId } = await call(
        context,
        semaphore,
        'GenerateDataKey',
        (signal) => service.generate(bound, signal),
      );
      if (plaintext?.length !== dataKeyBytes || !wrapped?.length || !masterKeyId) {
        throw faultOf(context, unusable);
      }
      return { plaintext, wrapped, masterKeyId };
    },

    async unwrap(bound, wrapped) {
      const { plaintext } = await call(context, semaphore, 'Decrypt', (signal) =>
        service.unwrap(bound, wrapped, signal),
      );
      if (plaintext?.length !== dataKeyBytes) throw faultOf(context, incorrect);
      return plaintext;
    },

    async probe() {
      const asked = callOnce(context, 'DescribeKey', () =>
        endAfter(context.clock, times.statusCallMs, service.describe),
      );
      const { masterKeyId, isEnabled } = await asked.catch((cause) => {
        throw faultOf(context, meaningOf(cause), cause);
      });
      if (!isEnabled || !masterKeyId) throw faultOf(context, unusable);
      return { masterKeyId };
    },
  }),
});

/**
 * Calls the master key, and retries after transient faults and throttling while there is time.
 * Throws the error of the last fault, or the error of `outOfTime` if the request ran out of time
 * before its first call to the master key.
 */
const call = <Output extends { readonly requestId?: string | undefined }>(
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
    const meaning = meaningOf(cause);
    last = { kind: kindOf(meaning), error: () => faultOf(context, meaning, cause) };
    return last;
  });
};

/** Makes one call, and gives the journal the id that CloudTrail has for it. */
const callOnce = async <Output extends { readonly requestId?: string | undefined }>(
  { journal }: RequestContext,
  operation: string,
  send: () => Promise<Output>,
): Promise<Output> => {
  journal.called('kms', operation);
  try {
    const output = await send();
    journal.answered(output.requestId);
    return output;
  } catch (error) {
    journal.answered(error instanceof KeyFault ? error.requestId : undefined);
    throw error;
  }
};

/** Anything that is not a `KeyFault` counts as `unreachable`, whatever threw it. */
const meaningOf = (thrown: unknown): Meaning => (thrown instanceof KeyFault ? thrown : unreachable);

const kindOf = ({ code, retryable }: Meaning): Failure['kind'] => {
  if (code === 'throttled') return 'throttled';
  return retryable ? 'transient' : 'permanent';
};

const faultOf = (
  context: RequestContext,
  { code, retryable }: Meaning,
  cause?: unknown,
): ApiError => {
  if (code !== 'throttled') context.journal.decided('key_fault');
  return new ApiError(code, 'the master key cannot be used', { retryable, cause });
};

type Semaphore = {
  /**
   * Waits for a permit to call the master key. Resolves to true with a permit, or to false once it
   * is too late for the request to make new calls.
   */
  readonly acquire: (context: RequestContext) => Promise<boolean>;
  /** Returns a permit. Must be called exactly once per permit. */
  readonly release: () => void;
};

type Waiter = { readonly context: RequestContext; readonly end: (isAcquired: boolean) => void };

/**
 * Limits the concurrent calls of one process to the master key. Without it, too many requests would
 * compete for sockets and the processor, and none would finish in time. A released permit goes to
 * the oldest request that may still make calls, so requests finish one after another.
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
