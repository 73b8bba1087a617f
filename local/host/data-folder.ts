/**
 * The folder that holds all data of a local vault. Its files are for its owner only (folder 0700, files 0600). Each
 * file is replaced as a whole or not at all. The folder belongs to one running vault at a time.
 */
import {
  accessSync,
  chmodSync,
  closeSync,
  constants,
  existsSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { codeOf, failure, sentenceOf } from './command.ts';

/** Returns the folder of this run as an absolute path: `VAULT_DATA_DIR`, else `preset`. */
export const dataFolderOf = (environment: NodeJS.ProcessEnv, preset = '.local/data'): string =>
  resolve(environment['VAULT_DATA_DIR'] || preset);

/** Does not use `recursive`: under /proc, where no folder can be made, Node would never return. */
const makeFolder = (folder: string): void => {
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return;
    if (codeOf(error) !== 'ENOENT' || dirname(folder) === folder) throw error;
    makeFolder(dirname(folder));
    mkdirSync(folder, { mode: 0o700 });
  }
};

/** If a folder holds one of these files, a vault, a node or a cluster has used it. */
const ownFiles = [
  ...['kms.json', 'token-key.json', 'store.sqlite', 'node.json'],
  ...['cluster.json', 'ports.json', 'localstack-key.json'],
];

/** In a folder with this bit, such as /tmp, all users may make files. */
const stickyBit = 0o1000;

/**
 * Decides whether a folder belongs to a vault. A restored copy, which many programs leave open to others, belongs to
 * the vault; a folder that many users share does not.
 */
const isOwn = (folder: string, { mode, uid }: Stats): boolean => {
  const isShared = (mode & stickyBit) !== 0 || uid !== process.getuid?.();
  return !isShared && ownFiles.some((name) => existsSync(join(folder, name)));
};

/** Closes a vault's own folder to others. Returns the mode of a folder that stays open to them, else `undefined`. */
const closeOwnFolder = (folder: string): number | undefined => {
  const stats = statSync(folder);
  if ((stats.mode & 0o077) === 0) return undefined;
  if (!isOwn(folder, stats)) return stats.mode & 0o7777;
  chmodSync(folder, 0o700);
  return undefined;
};

/**
 * Makes the folder if it is missing. From then on this process makes files for its owner only. Refuses a folder that
 * others may enter unless a vault has used it: closing another folder, such as /tmp, would lock others out.
 */
export const openDataFolder = (folder: string): void => {
  process.umask(0o077);
  let openMode: number | undefined;
  try {
    makeFolder(folder);
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK);
    openMode = closeOwnFolder(folder);
  } catch (error) {
    throw failure(`cannot write to the data folder ${folder} (${codeOf(error)})`, { cause: error });
  }
  if (openMode === undefined) return;
  throw failure(
    `the data folder ${folder} is open to other users (mode ${openMode.toString(8)}), and no vault has used it: name ` +
      'one that does not exist yet, or close it with "chmod 700" if it is for the vault alone',
  );
};

/**
 * Locks the folder for this process until `release` or the process's death, however it dies. The operating system holds
 * the lock, on SQLite's file, so a dead process leaves no stale lock.
 */
export const lockDataFolder = (folder: string): { readonly release: () => void } => {
  let lock: DatabaseSync | undefined;
  try {
    lock = new DatabaseSync(join(folder, 'lock'), { timeout: 0 });
    lock.exec('BEGIN EXCLUSIVE');
    const held = lock;
    return { release: () => held.close() };
  } catch (error) {
    lock?.close();
    const isHeld = sentenceOf(error).includes('locked');
    throw failure(
      isHeld
        ? `another vault is using the data folder ${folder}: stop it, or set VAULT_DATA_DIR to another folder`
        : `cannot write to the data folder ${folder} (${sentenceOf(error)})`,
      { cause: error },
    );
  }
};

const syncFolder = (folder: string): void => {
  const descriptor = openSync(folder, 'r');
  fsyncSync(descriptor);
  closeSync(descriptor);
};

const writeSynced = (file: string, text: string): void => {
  writeFileSync(file, text, { mode: 0o600, flag: 'wx', flush: true });
};

/** Replaces a file. After a crash at any point it holds either the old text or the new text, never a part. */
export const replaceFile = (file: string, text: string): void => {
  const draft = `${file}.${process.pid}.draft`;
  rmSync(draft, { force: true });
  writeSynced(draft, text);
  renameSync(draft, file);
  syncFolder(dirname(file));
};

/**
 * Makes a file with this text unless it exists, and returns its content. If two processes make it at once, both return
 * the text of the first.
 */
export const createFileOnce = (file: string, makeText: () => string): string => {
  const present = readFileIfPresent(file);
  if (present !== undefined) return present;
  const draft = `${file}.${process.pid}.draft`;
  rmSync(draft, { force: true });
  try {
    writeSynced(draft, makeText());
    linkSync(draft, file);
    syncFolder(dirname(file));
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  } finally {
    rmSync(draft, { force: true });
  }
  return readFileSync(file, 'utf8');
};

export const readFileIfPresent = (file: string): string | undefined => {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw failure(`cannot read ${file} (${codeOf(error)})`, { cause: error });
  }
};
