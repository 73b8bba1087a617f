/**
 * A number next to etcd's files that rises every second while the node is in the cluster. The other
 * nodes remember the last one that they received. An older copy of the files has a lower number, so
 * they notice it (joining.ts).
 */
import { join } from 'node:path';
import { misconfigured } from '../../system/failures.ts';
import { readFileIfPresent, replaceFileMeanwhile } from '../../system/files.ts';
import { memberFiles } from './member-files.ts';

export type Counter = {
  readonly value: () => number;
  /**
   * Raises the counter to at least this number, which another node remembers. The next `raise` then
   * makes it higher, and writes it to disk.
   */
  readonly startAfter: (value: number) => void;
  /** Adds 1 to the counter. Resolves when the new number is on disk. */
  readonly raise: () => Promise<void>;
};

/**
 * Opens the counter of the node in `folder`. It starts at 0 if there is none. Throws a user-facing
 * error if the file is damaged.
 */
export const openCounter = (folder: string): Counter => {
  const file = join(memberFiles(folder), 'counter');
  const text = readFileIfPresent(file) ?? '0';
  let value = Number(text);
  if (!/^\d+$/.test(text)) {
    throw misconfigured(
      `${file} is damaged: wipe this node, and it copies its data from the others`,
    );
  }
  return {
    value: () => value,
    startAfter: (other) => {
      value = Math.max(value, other);
    },
    raise: async () => {
      await replaceFileMeanwhile(file, String(value + 1));
      value += 1;
    },
  };
};
