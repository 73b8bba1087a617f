/**
 * What became of a write, told from what stands in its place. A write that lost its condition, or
 * whose reply was lost, may have been this request's own success: the version that it would have made
 * carries its writeId or it does not, and that alone decides.
 */
import { VaultError } from '../model/errors.ts';
import type { IdempotencyRecord, StoredVersion } from '../model/types.ts';
import type { WriteOutcome } from '../vault/ports.ts';

/** Reads a superseded version of the secret in question, consistently. */
export type FindVersion = (version: number) => Promise<StoredVersion | undefined>;

/**
 * Judges a create by the head that stands at its name: `written`, `exists`, or `unclear` if none does.
 */
export const judgeCreate = async (
  writeId: string,
  shown: StoredVersion | undefined,
  findVersion: FindVersion,
): Promise<WriteOutcome> => {
  if (!shown) return { outcome: 'unclear' };
  const first = shown.version === 1 ? shown : await getVersion(findVersion, 1);
  return { outcome: first.writeId === writeId ? 'written' : 'exists' };
};

/**
 * Judges an update of `base` by the head that stands now: `written`, `raced` with that head as the
 * next base, or `unclear` if it still is `base`. A head that is gone, or behind `base`, or another of
 * the same number was not put there by the vault: `integrity_failure`.
 */
export const judgeUpdate = async (
  writeId: string,
  base: StoredVersion,
  shown: StoredVersion | undefined,
  findVersion: FindVersion,
): Promise<WriteOutcome> => {
  if (shown?.version === base.version && shown.writeId === base.writeId) {
    return { outcome: 'unclear' };
  }
  if (!shown || shown.version <= base.version) {
    throw new VaultError('integrity_failure', 'the head of a secret has gone back');
  }
  const wanted = base.version + 1;
  const successor = shown.version === wanted ? shown : await getVersion(findVersion, wanted);
  return successor.writeId === writeId ? { outcome: 'written' } : { outcome: 'raced', head: shown };
};

/**
 * Judges a keyed write by the record that stands under its key: `written`, `replayed` if the record is of another request,
 * or `unclear` if none does. The record is put with the effect, so it alone decides.
 */
export const outcomeOfRecord = (
  writeId: string,
  standing: IdempotencyRecord | undefined,
): WriteOutcome => {
  if (!standing) return { outcome: 'unclear' };
  return standing.writeId === writeId
    ? { outcome: 'written' }
    : { outcome: 'replayed', record: standing };
};

const getVersion = async (findVersion: FindVersion, version: number): Promise<StoredVersion> => {
  const found = await findVersion(version);
  if (!found) throw new VaultError('integrity_failure', 'a version below the head is missing');
  return found;
};
