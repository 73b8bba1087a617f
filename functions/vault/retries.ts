/**
 * Retries of writes: backoff with full jitter, and attempts until the outcome is clear. A reply "stored" needs a
 * visible write. "Not stored" needs proof that no attempt can still take effect. Everything else is
 * `outcome_unknown`.
 */
import { type ErrorCode, VaultError } from '../model/errors.ts';
import { times } from '../model/limits.ts';
import type { Principal } from '../model/types.ts';
import type { RequestContext, Store, Write, WriteOutcome } from './ports.ts';

/** Waits before a retry. Resolves to false, at once, if the time for retries is over. */
export type Backoff = () => Promise<boolean>;

/** Starts a backoff with full jitter: 10 ms doubling to 400 ms, until 8 s of the request have passed. */
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

/** The error of a request that lost races, or was throttled, until its time was over. */
export const throttled = (): VaultError =>
  new VaultError('throttled', 'too much contention or throttling; nothing was written');

/**
 * The error of a request that wrote nothing and ran out of time before its next call, without a permanent fault. If calls
 * to the store took more than half of the request's time, the store was too slow (`store_unavailable`). Otherwise the
 * request waited behind others (`throttled`).
 */
export const outOfTime = (context: RequestContext): VaultError =>
  context.storeTime.ms() * 2 > context.elapsed()
    ? new VaultError('store_unavailable', 'the store was too slow; nothing was written')
    : throttled();

type Clear = Exclude<WriteOutcome, { outcome: 'refused' | 'unclear' }>;

/**
 * Attempts `write` until its outcome is clear. Throws `throttled` or `store_unavailable` if the store certainly refused
 * every attempt, and `outcome_unknown` if one may still take effect.
 */
export const writeUntilClear = async (
  context: RequestContext,
  principal: Principal,
  store: Store,
  write: Write,
  backoff: Backoff,
): Promise<Clear> => {
  if (context.elapsed() >= times.newAttemptsUntilMs) throw outOfTime(context);
  let unclear = false;
  let failures = 0;
  let cause: unknown;
  for (;;) {
    context.journal.attempted();
    const result = await store
      .write(context, principal, write)
      .catch((error: unknown) => asUnclear(error, unclear));
    if (result.outcome !== 'refused' && result.outcome !== 'unclear') return result;
    context.journal.decided('try_failed', aboutWrite(write));
    unclear ||= result.outcome === 'unclear';
    cause = result.cause ?? cause;
    const isThrottled = result.outcome === 'refused' && result.reason === 'throttled';
    if (!isThrottled) failures += 1;
    if (failures < times.failedAttemptsMax && (await backoff())) continue;
    if (unclear) return await settle(context, principal, store, write, cause);
    if (isThrottled) throw throttled();
    const nothing = 'the store cannot be reached; nothing was written';
    throw new VaultError('store_unavailable', nothing, { cause });
  }
};

/**
 * An attempt lost its condition, and the blocking item could not be read. The outcome is unclear, because the item may be
 * this request's own. After an unclear attempt, even our own fault must not hide that attempt's possible effect.
 */
const asUnclear = (error: unknown, wasUnclear: boolean): WriteOutcome => {
  const code = error instanceof VaultError ? error.code : undefined;
  const passes = code !== undefined && (passing.has(code) || (wasUnclear && code === 'internal'));
  if (!passes) throw error;
  return { outcome: 'unclear', cause: error instanceof VaultError ? error.cause : undefined };
};
const passing: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['store_unavailable', 'throttled']);

const settle = async (
  context: RequestContext,
  principal: Principal,
  store: Store,
  write: Write,
  cause: unknown,
): Promise<Clear> => {
  const seen = await store.lookUp(context, principal, write).catch((error: unknown) => {
    if (error instanceof VaultError && error.code === 'integrity_failure') throw error;
    return { outcome: 'unclear' } as const;
  });
  if (seen.outcome !== 'unclear' && seen.outcome !== 'refused') return seen;
  context.journal.decided('outcome_unknown', aboutWrite(write));
  throw new VaultError('outcome_unknown', 'the write may have taken effect', { cause });
};

const aboutWrite = ({ update, creates }: Write) => {
  const version = update?.next ?? (creates.length === 1 ? creates[0] : undefined);
  return version ? { name: version.name, version: version.version } : {};
};
