/**
 * How calls to the store and to KMS are retried: the deadline of a call, backoff with full jitter,
 * the number of attempts, and writes that are repeated until their outcome is clear. The code of
 * each service only says what a failure means.
 */
import { ApiError } from '../model/errors.ts';
import { times } from '../model/limits.ts';
import type { VersionRef } from '../model/types.ts';
import type { Write, WriteOutcome } from './ports.ts';
import type { Clock, RequestContext, StoreVault } from './request.ts';

/**
 * Makes a call whose signal aborts after `ms`. The timer is cancelled when the call ends: most
 * calls never need it, and aborting a signal that nobody uses would still create an exception.
 */
export const endAfter = async <Result>(
  clock: Pick<Clock, 'after'>,
  ms: number,
  call: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> => {
  const limit = new AbortController();
  const cancel = clock.after(ms, () => limit.abort());
  try {
    return await call(limit.signal);
  } finally {
    cancel();
  }
};

/**
 * Limits a call to `callMs`, and to the time left until `endByMs` of the request. If the process
 * was suspended and no time is left, the call still gets 1 ms.
 */
export const limitCall = <Result>(
  { clock, elapsed }: RequestContext,
  callMs: number,
  endByMs: number,
  call: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> => endAfter(clock, Math.max(1, Math.min(callMs, endByMs - elapsed())), call);

/** Waits before a retry. Resolves to false at once if it is too late for another attempt. */
export type Backoff = () => Promise<boolean>;

/** Starts a backoff with full jitter. Its bounds and its end are in model/limits.ts. */
export const startBackoff = (context: RequestContext): Backoff => {
  let bound: number = times.backoffFirstMs;
  return async () => {
    const wait = context.clock.random() * bound;
    bound = Math.min(bound * 2, times.backoffLastMs);
    if (context.elapsed() + wait >= times.newAttemptsUntilMs) return false;
    await context.clock.sleep(wait);
    return true;
  };
};

/**
 * Decides after each failed attempt whether another one follows, and waits for it. Throttled
 * attempts are limited only by time, other failures also by `failedAttemptsMax`.
 */
const limitAttempts = (backoff: Backoff) => {
  let failures = 0;
  return async (isThrottled: boolean): Promise<boolean> => {
    if (!isThrottled) failures += 1;
    return failures < times.failedAttemptsMax && (await backoff());
  };
};

/**
 * What a failed call means: whether it may be repeated, and the error to throw if it is not
 * repeated.
 */
export type Failure = {
  readonly kind: 'throttled' | 'transient' | 'permanent';
  readonly error: () => ApiError;
};

/**
 * Makes a call, and retries it after throttling and transient failures while there is time. Throws
 * the error of the last failure. If `call` or `meaningOf` throws an `ApiError`, it is thrown on
 * without a retry.
 */
export const retryCall = async <Result>(
  context: RequestContext,
  call: () => Promise<Result>,
  meaningOf: (error: unknown) => Failure,
): Promise<Result> => {
  const mayRepeat = limitAttempts(startBackoff(context));
  for (;;) {
    try {
      return await call();
    } catch (caught) {
      if (caught instanceof ApiError) throw caught;
      const { kind, error } = meaningOf(caught);
      if (kind === 'permanent' || !(await mayRepeat(kind === 'throttled'))) throw error();
    }
  }
};

/** The error of a request that kept losing races or being throttled until its time was over. */
export const throttled = (): ApiError =>
  new ApiError('throttled', 'too much contention or throttling; nothing was written');

/**
 * The error of a request that ran out of time before its next call, without a permanent fault and
 * without having written anything. If more than half of its time went into store calls, the store
 * was too slow (`store_unavailable`). Otherwise the request had to wait for others (`throttled`).
 */
export const outOfTime = (context: RequestContext): ApiError =>
  context.storeTime.ms() * 2 > context.elapsed()
    ? new ApiError('store_unavailable', 'the store was too slow; nothing was written')
    : throttled();

type ClearOutcome = Exclude<WriteOutcome, { outcome: 'refused' | 'unclear' }>;

/**
 * Repeats `write` until its outcome is clear. Reports success only if the write is visible, and
 * failure only if no attempt can still take effect. Throws `throttled` or `store_unavailable` if
 * the store certainly refused every attempt, and `outcome_unknown` if one may still take effect.
 */
export const writeUntilClear = async (
  vault: StoreVault,
  write: Write,
  backoff: Backoff,
): Promise<ClearOutcome> => {
  const { store, journal } = vault;
  if (vault.elapsed() >= times.newAttemptsUntilMs) throw outOfTime(vault);
  const mayRepeat = limitAttempts(backoff);
  let unclear = false;
  let cause: unknown;
  for (;;) {
    journal.attempted();
    const result = await store.write(write).catch((error: unknown) => asUnclear(error, unclear));
    if (result.outcome !== 'refused' && result.outcome !== 'unclear') return result;
    journal.decided('try_failed', aboutWrite(write));
    unclear ||= result.outcome === 'unclear';
    cause = result.cause ?? cause;
    const isThrottled = result.outcome === 'refused' && result.reason === 'throttled';
    if (await mayRepeat(isThrottled)) continue;
    if (unclear) return await settle(vault, write, cause);
    if (isThrottled) throw throttled();
    const nothing = 'the store cannot be reached; nothing was written';
    throw new ApiError('store_unavailable', nothing, { cause });
  }
};

/**
 * The outcome of an attempt that threw. For `store_unavailable` and `throttled` it is unclear: the
 * attempt's condition failed, and the item in the way, which may be this request's own, could not
 * be read. After an unclear attempt, `internal` counts as unclear too: it must not hide that the
 * write may have taken effect. Throws any other error on.
 */
const asUnclear = (error: unknown, wasUnclear: boolean): WriteOutcome => {
  if (!(error instanceof ApiError)) throw error;
  const { code, cause } = error;
  const passes = code === 'store_unavailable' || code === 'throttled';
  if (!passes && !(wasUnclear && code === 'internal')) throw error;
  return { outcome: 'unclear', cause };
};

const settle = async (
  { store, journal }: StoreVault,
  write: Write,
  cause: unknown,
): Promise<ClearOutcome> => {
  const seen = await store.lookUp(write).catch((error: unknown) => {
    if (error instanceof ApiError && error.code === 'integrity_failure') throw error;
    return { outcome: 'unclear' } as const;
  });
  if (seen.outcome !== 'unclear' && seen.outcome !== 'refused') return seen;
  // Log every name: nothing else will say which secrets the write may have changed.
  if (write.changes.length === 0) journal.decided('outcome_unknown');
  for (const { next } of write.changes) journal.decided('outcome_unknown', refOf(next));
  throw new ApiError('outcome_unknown', 'the write may have taken effect', { cause });
};

const aboutWrite = ({ changes: [change, ...others] }: Write) =>
  change && others.length === 0 ? refOf(change.next) : {};

const refOf = ({ name, version }: VersionRef): VersionRef => ({ name, version });
