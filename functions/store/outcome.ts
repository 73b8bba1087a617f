/**
 * The outcome of a write, by the stored items. After a failed condition or a lost reply, an earlier attempt
 * of this request may have succeeded. The writeId of the version that it would have made decides.
 */
import { VaultError } from '../model/errors.ts';
import type { Head, IdempotencyRecord } from '../model/types.ts';
import type { Change, Store, WriteOutcome } from '../vault/ports.ts';

/**
 * The outcome of a change, given the current head of its secret: `written`, `raced` with that head, or
 * `unclear` if the head is still the one to be replaced. Throws `integrity_failure` if the head is gone, is
 * behind the replaced one, or is another version of the same number: the vault has not written that.
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
    throw new VaultError('integrity_failure', 'the head of a secret is older than before');
  }
  const { name, version } = next;
  // The write of a version may be visible on its head only, so the version is looked for with a settled read.
  const wanted = shown.version === version ? shown : await findVersion(name, version, 'settled');
  if (!wanted) throw new VaultError('integrity_failure', 'a version below the head is missing');
  return wanted.writeId === writeId ? { outcome: 'written' } : { outcome: 'raced', head: shown };
};

/**
 * The outcome of a keyed write, given the stored record of its key: `written`, `replayed` if another request
 * wrote it, or `unclear` without one. The record is written together with the effect, so it alone decides.
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
