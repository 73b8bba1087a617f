/** Files that may hold values: for their owner only, and written whole or not at all. */
import { chmodSync, realpathSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { failure, isFailure, systemCodeOf } from './failures.ts';

const privateMode = 0o600;

const draftOf = (file: string): string => `${file}.${process.pid}.draft`;

const cannotWrite = (file: string, error: unknown) =>
  failure('other', `cannot write ${file} (${systemCodeOf(error)})`, error);

const writeDraft = (file: string, content: string | Uint8Array, mode: number): void => {
  const draft = draftOf(file);
  rmSync(draft, { force: true });
  writeFileSync(draft, content, { mode: privateMode, flag: 'wx', flush: true });
  // Not at once: the mask of this process would take bits away.
  chmodSync(draft, mode);
};

/** After a crash at any point the file holds what it held or the new content, never a part. */
export const replaceFile = (file: string, content: string | Uint8Array, mode: number): void => {
  try {
    writeDraft(file, content, mode);
    renameSync(draftOf(file), file);
  } catch (error) {
    rmSync(draftOf(file), { force: true });
    throw cannotWrite(file, error);
  }
};

type Target = { readonly file: string; readonly mode: number };

/**
 * Where a result is put in place of a file that is there: the file behind any links, and its mode. Throws if nothing
 * can be written beside it, so that this is known before the server does what cannot be undone.
 */
export const requireReplaceable = (file: string): Target =>
  requireTarget(file, (mode) => {
    if (mode === undefined) throw failure('other', `there is no ${file}`);
    return mode;
  });

/** Where a result is put in a file of its own; the same promise. A file that is there becomes private, too. */
export const requireWritable = (file: string): Target => requireTarget(file, () => privateMode);

/** `modeFor` is given the mode of the file that is there. */
const requireTarget = (file: string, modeFor: (present: number | undefined) => number): Target => {
  try {
    const stat = statSync(file, { throwIfNoEntry: false });
    // A device, such as /dev/null, would be lost.
    if (stat && !stat.isFile()) throw failure('other', `${file} is no file that can be replaced`);
    const mode = modeFor(stat && stat.mode & 0o777);
    const real = stat ? realpathSync(file) : file;
    writeDraft(real, '', mode);
    rmSync(draftOf(real));
    return { file: real, mode };
  } catch (error) {
    throw isFailure(error) ? error : cannotWrite(file, error);
  }
};
