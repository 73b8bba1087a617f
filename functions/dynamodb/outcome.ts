/**
 * The outcome of a write, told from the stored items. If a condition failed or a reply was lost, an earlier attempt of
 * this request may have been the write that succeeded. The writeId of the version that it would have made decides.
 */
import { VaultError } from '../model/errors.ts';
import type { IdempotencyRecord, StoredVersion } from '../model/types.ts';
import type { Store, WriteOutcome } from '../vault/ports.ts';

type Versions = Pick<Store, 'findVersion'>;

/**
 * The outcome of a create, given the current head of its name: `written`, `exists`, or `unclear` without a head.
 */
export const outcomeOfCreate = async (
  writeId: string,
  name: string,
  shown: StoredVersion | undefined,
  versions: Versions,
): Promise<WriteOutcome> => {
  if (!shown) return { outcome: 'unclear' };
  const first = shown.version === 1 ? shown : await getVersion(versions, name, 1);
  return { outcome: first.writeId === writeId ? 'written' : 'exists' };
};

/**
 * The outcome of an update of `base`, given the current head: `written`, `raced` with that head as the next base,
 * or `unclear` if the head is still `base`. Throws `integrity_failure` if the head is gone, is behind `base`, or
 * is another version of the same number: the vault has not written that.
 */
export const outcomeOfUpdate = async (
  writeId: string,
  base: StoredVersion,
  shown: StoredVersion | undefined,
  versions: Versions,
): Promise<WriteOutcome> => {
  if (shown?.version === base.version && shown.writeId === base.writeId) {
    return { outcome: 'unclear' };
  }
  if (!shown || shown.version <= base.version) {
    throw new VaultError('integrity_failure', 'the head of a secret is older than before');
  }
  const wanted = base.version + 1;
  const successor =
    shown.version === wanted ? shown : await getVersion(versions, base.name, wanted);
  return successor.writeId === writeId ? { outcome: 'written' } : { outcome: 'raced', head: shown };
};

/**
 * The outcome of a keyed write, given the stored record of its key: `written`, `replayed` if the record is of another
 * request, or `unclear` without a record. The record is written together with the effect, so it alone decides.
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

/** The write of a version may be visible on its head only, so the version is looked for with a settled read. */
const getVersion = async (
  { findVersion }: Versions,
  name: string,
  version: number,
): Promise<StoredVersion> => {
  const found = await findVersion(name, version, 'settled');
  if (!found) throw new VaultError('integrity_failure', 'a version below the head is missing');
  return found;
};
