/** Writes files completely or not at all, and only their owner can read them. */
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
 * Syncs a file, or the names in a folder, to disk. Does nothing for a path that may be written but
 * not read.
 */
export const syncPath = (path: string): void => {
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

/**
 * The path of the draft for a file, in the same folder. Two processes that write the same file have
 * separate drafts.
 */
const draftOf = (file: string): string => `${file}.${process.pid}.draft`;

/**
 * Writes a draft that only its owner can read, and passes its path to `use`, which may rename it.
 * Afterwards removes the draft if it is still there.
 */
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
 * Replaces a file. After a crash at any point it has either the old or the new content, never a
 * part. Once this has returned, the new content is durable.
 */
export const replaceFile = (file: string, content: string): void => {
  withDraft(draftOf(file), content, (draft) => moveDraft(draft, file));
};

/** Renames a draft to the file. Once this has returned, the change is durable. */
export const moveDraft = (draft: string, file: string): void => {
  renameSync(draft, file);
  syncPath(dirname(file));
};

/**
 * Creates a file unless it exists, and returns its content. If two processes do this at once, both
 * get the text of the first.
 */
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

/**
 * Replaces a file without blocking requests while the disk works. The caller must not replace the
 * same file twice at once, because both would write the same draft.
 */
export const replaceFileMeanwhile = async (file: string, text: string): Promise<void> => {
  const draft = `${file}.draft`;
  await flush(draft, 'w', text);
  await rename(draft, file);
  await flush(dirname(file), 'r');
};

/**
 * Returns the text of a file, or `undefined` if the file is missing. Throws a failure if it exists
 * but cannot be read.
 */
export const readFileIfPresent = (file: string): string | undefined => {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw failure(`cannot read ${file} (${codeOf(error)})`, { cause: error });
  }
};
