/** The files of a node's etcd: whether there are any, whether etcd says that it cannot use them, and putting them aside. */
import { existsSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** Words with which etcd ends itself: its files are behind what it acknowledged, damaged, or of a removed member. */
const lostWords = [
  'has already been bootstrapped',
  'is out of range',
  'member ID mismatch',
  "couldn't find local",
  'failed to find database snapshot',
  'failed to recover',
  'failed to read WAL',
  'failed to open WAL',
  'cannot be repaired',
  'crc mismatch',
  'unexpected EOF',
  'cannot use none as id',
  'invalid database',
  'checksum error',
  'file size too small',
  'freepages:',
  'fatal error: fault',
  // Release 3.4 of a log with a damaged beginning, and 3.7 of damage further on. Release 3.7 also panics over parsing
  // when it finds sound files of 3.4, and these must stay.
  'max entry size limit exceeded',
  '"error":"proto: cannot parse invalid wire-format data"',
  // Release 3.7 of pages of the database that hold something else.
  'Page expected to be',
  // Release 3.7 has no better words for a log without its beginning.
  'invalid memory address',
];

/** When etcd finds that its member was removed, it warns in these words and ends with exit code 0. */
const removedWords = 'data-dir used by this member must be removed';

/**
 * Why etcd cannot use its files, if this line of its log says so. Only lines with which etcd ends itself count: a member
 * also warns of broken connections in words like these.
 */
export const findLostWords = (line: string): string | undefined => {
  if (line.includes(removedWords)) return removedWords;
  if (!/"level":"(fatal|panic)"|^(panic|fatal error): /.test(line)) return undefined;
  return lostWords.find((words) => line.includes(words));
};

const memberFolder = (folder: string): string => join(folder, 'etcd');
const asideFolder = (folder: string): string => join(folder, 'etcd.lost');

/** The folder in which the node's etcd keeps its log and its database. */
export const memberFiles = (folder: string): string => join(memberFolder(folder), 'member');

/** Whether the node has files of a member, whole or not. */
export const hasMemberFiles = (folder: string): boolean => {
  const files = memberFiles(folder);
  return existsSync(files) && readdirSync(files).length > 0;
};

/**
 * Puts the files where no start takes them for a member's. They are kept until there is a new member: if a majority has
 * lost its files, these may be all that is left.
 */
export const putAside = (folder: string): void => {
  if (!existsSync(memberFolder(folder))) return;
  removeAside(folder);
  renameSync(memberFolder(folder), asideFolder(folder));
};

export const removeAside = (folder: string): void =>
  rmSync(asideFolder(folder), { recursive: true, force: true });
