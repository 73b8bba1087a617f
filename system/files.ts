/** Files that are written whole or not at all, and that only their owner can read. */
import {
  closeSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { codeOf, failure } from './failures.ts';

const privateMode = 0o600;

/**
 * Puts a file, or the names of a folder, on the disk. A path that may be written but not read is left to the
 * system, and so is every path on Windows, which cannot do this.
 */
export const syncPath = (path: string): void => {
  if (process.platform === 'win32') return;
  let descriptor: number;
  try {
    descriptor = openSync(path, 'r');
  } catch (error) {
    if (codeOf(error) === 'EACCES') return;
    throw error;
  }
  fsyncSync(descriptor);
  closeSync(descriptor);
};

/** A draft beside the file. Two processes that write one file at once have drafts of their own. */
const draftOf = (file: string): string => `${file}.${process.pid}.draft`;

/** Writes a private draft, lets `use` take it, and removes it if `use` has not. */
export const withDraft = (
  draft: string,
  content: string | Uint8Array,
  use: (draft: string) => void,
): void => {
  rmSync(draft, { force: true });
  try {
    writeFileSync(draft, content, { mode: privateMode, flag: 'wx', flush: true });
    use(draft);
  } finally {
    rmSync(draft, { force: true });
  }
};

/**
 * Replaces a file. After a crash at any point it holds either the old content or the new content, never a
 * part, and the new content stays once this has returned.
 */
export const replaceFile = (file: string, content: string): void => {
  withDraft(draftOf(file), content, (draft) => moveDraft(draft, file));
};

/** Puts a draft in the place of the file, for good once this has returned. */
export const moveDraft = (draft: string, file: string): void => {
  renameSync(draft, file);
  syncPath(dirname(file));
};

/** Makes a file unless it exists, and returns its content: of two processes at once, the text of the first. */
export const createFileOnce = (file: string, makeText: () => string): string => {
  const present = readFileIfPresent(file);
  if (present !== undefined) return present;
  try {
    withDraft(draftOf(file), makeText(), (draft) => linkSync(draft, file));
    syncPath(dirname(file));
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  }
  return readFileSync(file, 'utf8');
};

const flush = async (path: string, flags: string, text?: string): Promise<void> => {
  const handle = await open(path, flags, privateMode);
  try {
    if (text !== undefined) await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
};

/** Replaces a file without holding up requests while the disk works. The caller replaces one at a time. */
export const replaceFileMeanwhile = async (file: string, text: string): Promise<void> => {
  const draft = `${file}.draft`;
  await flush(draft, 'w', text);
  await rename(draft, file);
  await flush(dirname(file), 'r');
};

/** Throws a failure if there is a file that cannot be read. */
export const readFileIfPresent = (file: string): string | undefined => {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw failure(`cannot read ${file} (${codeOf(error)})`, { cause: error });
  }
};
