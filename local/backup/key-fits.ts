/**
 * Whether a key file is the one of a backup. Its id alone does not tell, because the id stays when a character of the
 * material changes. So some values of the backup are opened, and not shown.
 */
import type { Item } from '../../functions/store/items.ts';
import { failure, sentenceOf } from '../../system/failures.ts';
import { checkOf, type KeyIdentity, type KeyReading, type MasterKey } from '../kms/key-file.ts';
import { judgeByValues } from '../kms/key-proof.ts';
import { createSample } from '../verify/stored-keys.ts';
import type { Facts } from './format.ts';

export type BackupSample = {
  /** Takes some of the values, while the backup is read. */
  readonly take: (items: readonly Item[], facts: Facts) => void;
  /**
   * Returns what to remember of the key; `undefined` if nothing proves it, as in a backup without values, or while the key
   * is disabled. Throws a sentence if the key cannot be read, or has the right id and opens none of the values.
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
      const verdict = judgeByValues(file, reading, { own, otherKeyId: undefined });
      if (!('why' in verdict)) return { keyId: reading.keyId, check: checkOf(reading) };
      throw failure(`${verdict.why} of the backup: put another copy of the key there`);
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
