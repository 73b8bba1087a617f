/**
 * A number among etcd's files that rises every second while the node is in the cluster. The other nodes remember the
 * last one that they heard, so an older copy of the files is noticed: it holds a lower number.
 */
import { join } from 'node:path';
import { failure } from '../../system/failures.ts';
import { readFileIfPresent, replaceFileMeanwhile } from '../../system/files.ts';
import { memberFiles } from './member-files.ts';

export type Counter = {
  readonly value: () => number;
  /** Makes the next numbers higher than one that another node remembers. */
  readonly startAfter: (value: number) => void;
  /** Resolves when the disk holds the next number. */
  readonly raise: () => Promise<void>;
};

/** Opens the counter among the files of the etcd of the node in `folder`; 0 if there is none. */
export const openCounter = (folder: string): Counter => {
  const file = join(memberFiles(folder), 'counter');
  const text = readFileIfPresent(file) ?? '0';
  let value = Number(text);
  if (!/^\d+$/.test(text)) {
    throw failure(`${file} is damaged: wipe this node, and it takes its data from the others`);
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
