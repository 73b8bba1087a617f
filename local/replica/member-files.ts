/** The files of a node's etcd: whether there are any, and whether etcd itself says that it cannot use them. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** Of what etcd says as it ends itself: its files are behind what it acknowledged, damaged, or of a removed member. */
const lostWords = [
  'has already been bootstrapped',
  'is out of range',
  'has been permanently removed',
  'member ID mismatch',
  "couldn't find local",
  'failed to find database snapshot',
  'failed to recover',
  'failed to read WAL',
  'failed to open WAL',
  'cannot be repaired',
  'crc mismatch',
  'unexpected EOF',
];

/**
 * Why etcd cannot use its files, if that is why it ended. Only its last words count: a member also warns of broken
 * connections in words like these, and one that was killed has said nothing of its files.
 */
export const findLostFiles = (how: string, said: string): string | undefined => {
  if (!how.startsWith('exit code')) return undefined;
  const lastWords = said
    .split('\n')
    .filter((line) => /"level":"(fatal|panic)"|^panic: /.test(line))
    .join('\n');
  return lostWords.find((words) => lastWords.includes(words));
};

export const memberFolder = (folder: string): string => join(folder, 'etcd');

/** Whether the node has files of a member, be they whole or not. */
export const hasMemberFiles = (folder: string): boolean =>
  existsSync(memberFolder(folder)) && readdirSync(memberFolder(folder)).length > 0;
