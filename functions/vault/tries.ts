/**
 * The loops around writes: waiting with full jitter, and trying until an outcome is clear.
 * A reply "stored" needs a write that was seen; "not stored" needs proof that no try can still take
 * effect; everything else is `outcome_unknown`.
 */
import { type ErrorCode, VaultError } from '../model/errors.ts';
import { times } from '../model/limits.ts';
import type { Principal } from '../model/types.ts';
import type { RequestContext, Store, Write, WriteOutcome } from './ports.ts';

/** Waits before a new try; resolves to false, at once, if the time for new tries is over. */
export type Again = () => Promise<boolean>;

/** Full jitter, 10 ms doubling to 400 ms, until 8 s of the request have gone. */
export const startBackoff = (context: RequestContext): Again => {
  let bound: number = times.backoffFirstMs;
  return async () => {
    const wait = context.clock.random() * bound;
    bound = Math.min(bound * 2, times.backoffLastMs);
    if (context.elapsed() + wait >= times.newTriesUntilMs) return false;
    await context.clock.sleep(wait);
    return true;
  };
};

/** The refusal of a request that lost races, or was throttled, until its time was over. */
export const throttled = (): VaultError =>
  new VaultError('throttled', 'too much contention or throttling; nothing was written');

/**
 * The refusal of a request that ran out of time before its next call, while no call of it failed for good: the one place
 * that decides why. If a call to the store was under way for more than half of the request's time, the store was too slow
 * (`store_unavailable`); else the request waited behind others (`throttled`). Only for a request that wrote nothing.
 */
export const outOfTime = (context: RequestContext): VaultError =>
  context.storeTime.ms() * 2 > context.elapsed()
    ? new VaultError('store_unavailable', 'the store was too slow; nothing was written')
    : throttled();

type Clear = Exclude<WriteOutcome, { outcome: 'refused' | 'unclear' }>;

/**
 * Tries `write` until it is clear what became of it. Throws `throttled` or `store_unavailable` if
 * every try was refused for certain, `outcome_unknown` if one may still take effect.
 */
export const writeUntilClear = async (
  context: RequestContext,
  principal: Principal,
  store: Store,
  write: Write,
  again: Again,
): Promise<Clear> => {
  if (context.elapsed() >= times.newTriesUntilMs) throw outOfTime(context);
  let unclear = false;
  let failures = 0;
  let cause: unknown;
  for (;;) {
    context.journal.tried();
    const result = await store
      .write(context, principal, write)
      .catch((error: unknown) => asUnclear(error, unclear));
    if (result.outcome !== 'refused' && result.outcome !== 'unclear') return result;
    context.journal.decided('try_failed', aboutWrite(write));
    unclear ||= result.outcome === 'unclear';
    cause = result.cause ?? cause;
    const isThrottled = result.outcome === 'refused' && result.reason === 'throttled';
    if (!isThrottled) failures += 1;
    if (failures < times.failedTriesMax && (await again())) continue;
    if (unclear) return await settle(context, principal, store, write, cause);
    if (isThrottled) throw throttled();
    const nothing = 'the store cannot be reached; nothing was written';
    throw new VaultError('store_unavailable', nothing, { cause });
  }
};

/**
 * A try lost its condition, and the look at what stands in its way failed: it may be its own success. A fault of ours
 * does not hide that a try before it may stand.
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
