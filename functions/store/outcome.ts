/**
 * Decides the outcome of a write from the stored items. After a failed condition or a lost reply,
 * an earlier attempt of the same request may have succeeded. It did if the version it would have
 * written has this request's writeId.
 */
import { ApiError } from '../model/errors.ts';
import type { Head, IdempotencyRecord } from '../model/types.ts';
import type { Change, Store, WriteOutcome } from '../vault/ports.ts';

/**
 * The outcome of a change, given the current head of its secret: `written`, `raced` with that head,
 * or `unclear` if the head is still the one to be replaced. Throws `integrity_failure` if the head
 * is gone, is older than the replaced one, or is another version with the same number. Also throws
 * it if a newer head shows that the version must exist and it is missing. The vault's own writes
 * never lead to any of these.
 */
export const outcomeOfChange = async (
  writeId: string,
  { base, next }: Change,
  shown: Head | undefined,
  { findVersion }: Pick<Store, 'findVersion'>,
): Promise<WriteOutcome> => {
  if (shown?.version === base?.version && shown?.writeId === base?.writeId) {
    return { outcome: 'unclear' };
  }
  if (!shown || shown.version < next.version) {
    throw new ApiError('integrity_failure', 'the head of a secret is older than before');
  }
  const { name, version } = next;
  // While a write of several items is running, a plain read may see it on the head only, so this
  // read waits until no such write is running (`settled`).
  const wanted = shown.version === version ? shown : await findVersion(name, version, 'settled');
  if (!wanted) throw new ApiError('integrity_failure', 'a version below the head is missing');
  return wanted.writeId === writeId ? { outcome: 'written' } : { outcome: 'raced', head: shown };
};

/**
 * The outcome of a keyed write, given the record stored under its key: `written`, `replayed` if
 * another request wrote the record, or `unclear` if there is none. The record is written together
 * with the effect, so it decides alone.
 */
export const outcomeOfRecord = (
  writeId: string,
  stored: IdempotencyRecord | undefined,
): WriteOutcome => {
  if (!stored) return { outcome: 'unclear' };
  return stored.writeId === writeId
    ? { outcome: 'written' }
    : { outcome: 'replayed', record: stored };
};
