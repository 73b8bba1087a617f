/**
 * Checks whether a key file belongs to a backup. The id of the key alone does not show this,
 * because it stays the same if a character of the key material changes. So the key is tried on the
 * data keys of some values in the backup. The values themselves are not opened.
 */
import type { Item } from '../../functions/store/items.ts';
import { failure, sentenceOf } from '../../system/failures.ts';
import { checkOf, type KeyIdentity, type KeyReading, type MasterKey } from '../kms/key-file.ts';
import { judgeByValues } from '../kms/key-proof.ts';
import { createSample } from '../verify/stored-keys.ts';
import type { Facts } from './format.ts';

export type BackupSample = {
  /** Collects some of the values while the backup is read. */
  readonly take: (items: readonly Item[], facts: Facts) => void;
  /**
   * Returns what to remember about the key, or `undefined` if nothing proves it, as for a backup
   * without values or a disabled key. Throws a user-facing error if the key cannot be read, or if
   * it has the right id but opens none of the values.
   */
  readonly prove: (key: MasterKey, file: string) => KeyIdentity | undefined;
};

export const sampleBackup = (masterKeyId: string): BackupSample => {
  let sample: ReturnType<typeof createSample> | undefined;
  return {
    take: (items, { vault }) => {
      sample ??= createSample(vault, masterKeyId);
      sample.add(items);
    },
    prove: (key, file) => {
      const { own = [] } = sample?.taken() ?? {};
      if (own.length === 0) return undefined;
      const reading = read(key);
      if (reading.state !== 'Enabled') return undefined;
      const why = judgeByValues(file, reading, { own, otherKeyId: undefined });
      if (why === undefined) return { keyId: reading.keyId, check: checkOf(reading) };
      throw failure(`${why} of the backup: put another copy of the key there`);
    },
  };
};

const read = (key: MasterKey): KeyReading => {
  try {
    return key.read();
  } catch (cause) {
    throw failure(`${sentenceOf(cause)}: put a copy of the master key there`, { cause });
  }
};
