/** Files that may hold values: for their owner only, and written whole or not at all. */
import {
  chmodSync,
  chownSync,
  realpathSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeFileSync,
} from 'node:fs';
import { failure, isFailure, systemCodeOf } from './failures.ts';

const privateMode = 0o600;

const draftOf = (file: string): string => `${file}.${process.pid}.draft`;

const cannotWrite = (file: string, error: unknown) =>
  isFailure(error)
    ? error
    : failure('other', `cannot write ${file} (${systemCodeOf(error)})`, error);

type Target = {
  readonly file: string;
  readonly mode: number;
  /** Else it is that of this process. */
  readonly owner?: { readonly uid: number; readonly gid: number } | undefined;
};

const writeDraft = ({ file, mode, owner }: Target, content: string | Uint8Array): void => {
  const draft = draftOf(file);
  rmSync(draft, { force: true });
  writeFileSync(draft, content, { mode: privateMode, flag: 'wx', flush: true });
  try {
    if (owner) chownSync(draft, owner.uid, owner.gid);
  } catch (error) {
    throw failure('other', `the owner of ${file} cannot be kept: use --out`, error);
  }
  // Not at once: the mask of this process would take bits away.
  chmodSync(draft, mode);
};

/** After a crash at any point the file holds what it held or the new content, never a part. */
export const replaceFile = (target: Target, content: string | Uint8Array): void => {
  const { file } = target;
  try {
    writeDraft(target, content);
    renameSync(draftOf(file), file);
  } catch (error) {
    rmSync(draftOf(file), { force: true });
    throw cannotWrite(file, error);
  }
};

/**
 * Where a result is put in place of a file that is there: the file behind any links, its mode and its owner. Throws if
 * nothing can be written beside it, so that this is known before the server does what cannot be undone.
 */
export const requireReplaceable = (file: string): Target =>
  requireTarget(file, (present) => {
    if (present === undefined) throw failure('other', `there is no ${file}`);
    const { mode, uid, gid } = present;
    return { mode: mode & 0o777, owner: { uid, gid } };
  });

/** Where a result is put in a file of its own; the same promise. A file that is there becomes private, too. */
export const requireWritable = (file: string): Target =>
  requireTarget(file, () => ({ mode: privateMode }));

/** `accessFor` is given what is known of the file that is there. */
const requireTarget = (
  file: string,
  accessFor: (present: Stats | undefined) => Omit<Target, 'file'>,
): Target => {
  try {
    const stat = statSync(file, { throwIfNoEntry: false });
    // A device, such as /dev/null, would be lost.
    if (stat && !stat.isFile()) throw failure('other', `${file} is no file that can be replaced`);
    const target = { file: stat ? realpathSync(file) : file, ...accessFor(stat) };
    try {
      writeDraft(target, '');
    } finally {
      rmSync(draftOf(target.file), { force: true });
    }
    return target;
  } catch (error) {
    throw cannotWrite(file, error);
  }
};
