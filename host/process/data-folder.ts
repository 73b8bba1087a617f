/**
 * The folder with all data of a local vault, and how to write it in a shell. Only their owner can
 * read folder and files (0700 and 0600). Only one running vault can use the folder at a time.
 */
import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  type Stats,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { codeOf, failure, misconfigured, sentenceOf } from '../../system/failures.ts';
import { syncPath } from '../../system/files.ts';
import { type Closer, closeAll, closeAtEnd } from './ending.ts';
import { type Lock, tryLock } from './locks.ts';

/** The folder of the checkout, or of its copy in a container. */
export const root = join(import.meta.dirname, '..', '..');

/** Returns this run's folder as an absolute path: `VAULT_DATA_DIR`, or `preset`. */
export const dataFolderOf = (environment: NodeJS.ProcessEnv, preset = '.local/data'): string =>
  resolve(environment['VAULT_DATA_DIR'] || preset);

/**
 * Creates a folder that is removed at the end of the program, after everything that was started
 * later has been ended.
 */
export const temporaryFolder = (prefix: string): string => {
  const folder = mkdtempSync(join(tmpdir(), prefix));
  closeAtEnd(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
};

const makeOne = (folder: string): void => {
  mkdirSync(folder, { mode: 0o700 });
  // The parent folder is synced, because otherwise a power cut might remove the new folder with
  // everything in it.
  syncPath(dirname(folder));
};

/**
 * Creates the folder and its missing parents. It does not use `recursive`: under /proc, where no
 * folder can be created, Node would never return.
 */
const makeFolder = (folder: string): void => {
  try {
    makeOne(folder);
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return;
    if (codeOf(error) !== 'ENOENT' || dirname(folder) === folder) throw error;
    makeFolder(dirname(folder));
    makeOne(folder);
  }
};

/** If a folder holds one of these files, a vault, a node or a cluster has used it. */
const ownFiles = [
  ...['vault.json', 'kms.json', 'token-key.json', 'vault.sqlite', 'node.json'],
  ...['cluster.json', 'ports.json', 'localstack-key.json'],
];

/** In a folder with this bit, such as /tmp, all users may create files. */
const stickyBit = 0o1000;

/**
 * Decides whether a folder belongs to a vault. One that was restored from a copy of files does,
 * even though many backup programs leave it open to others. A folder that many users share does
 * not.
 */
const isOwn = (folder: string, { mode, uid }: Stats): boolean => {
  const isShared = (mode & stickyBit) !== 0 || uid !== process.getuid?.();
  return !isShared && ownFiles.some((name) => existsSync(join(folder, name)));
};

/**
 * Closes a vault's own folder to others. Returns the mode of a folder that stays open to them,
 * otherwise `undefined`.
 */
const closeOwnFolder = (folder: string): number | undefined => {
  const stats = statSync(folder);
  if ((stats.mode & 0o077) === 0) return undefined;
  if (!isOwn(folder, stats)) return stats.mode & 0o7777;
  chmodSync(folder, 0o700);
  return undefined;
};

/**
 * Creates the folder if it is missing. From then on this process creates files only for their
 * owner. Refuses a folder that is open to others, unless a vault has used it: closing a folder such
 * as /tmp would lock others out.
 */
export const openDataFolder = (folder: string): void => {
  process.umask(0o077);
  let openMode: number | undefined;
  try {
    makeFolder(folder);
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK);
    openMode = closeOwnFolder(folder);
  } catch (error) {
    const sentence = `cannot write to the data folder ${folder} (${codeOf(error)})`;
    // Missing permission is reported as a wrong setting. A full or failing disk is not, because it
    // can be repaired without changing the settings.
    const isForbidden = ['EACCES', 'EPERM', 'EROFS', 'ENOTDIR'].includes(codeOf(error) ?? '');
    if (!isForbidden) throw failure(sentence, { cause: error });
    const next = 'let this user write there, or set VAULT_DATA_DIR to another folder';
    throw misconfigured(`${sentence}: ${next}`, error);
  }
  if (openMode === undefined) return;
  throw misconfigured(
    `the data folder ${folder} is open to other users (mode ${openMode.toString(8)}), and no vault has used it: name ` +
      'one that does not exist yet, or close it with "chmod 700" if it is for the vault alone',
  );
};

/**
 * Locks the folder for this process, by its file `lock`, until `release` or the process's death.
 * Throws a user-facing error if another process holds the lock or the file cannot be written.
 */
export const lockDataFolder = (folder: string): Lock => {
  let lock: Lock | undefined;
  try {
    lock = tryLock(join(folder, 'lock'));
  } catch (cause) {
    throw failure(`cannot write to the data folder ${folder} (${sentenceOf(cause)})`, { cause });
  }
  if (lock) return lock;
  throw failure(
    `another vault is using the data folder ${folder}: stop it, or set VAULT_DATA_DIR to another folder`,
  );
};

/**
 * Opens and locks the folder, and starts what runs on it. `start` adds a function to the list for
 * each part; `close` calls them in reverse order, and releases the folder. If `start` throws,
 * nothing is left running.
 */
export const startOnFolder = async <Parts extends object>(
  folder: string,
  report: (line: string) => void,
  start: (closers: Closer[]) => Promise<Parts>,
): Promise<Parts & { readonly close: () => Promise<void> }> => {
  openDataFolder(folder);
  const closers: Closer[] = [lockDataFolder(folder).release];
  const close = () => closeAll(closers);
  try {
    return { ...(await start(closers)), close };
  } catch (error) {
    await close().catch((later) => report(sentenceOf(later)));
    throw error;
  }
};

/** Writes a text as one word of a shell's command line, quoted only if necessary. */
export const shellWord = (text: string): string =>
  /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
