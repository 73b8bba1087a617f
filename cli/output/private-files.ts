/** Writes files that may hold values: readable for their owner only, and written whole or not at all. */
import { chmodSync, chownSync, realpathSync, type Stats, statSync } from 'node:fs';
import { failure, isFailure, systemCodeOf, usage } from '../../system/failures.ts';
import { checkReplaceable, replaceFile as replaceWhole } from '../../system/files.ts';

const privateMode = 0o600;

const cannotWrite = (file: string, error: unknown) =>
  isFailure(error)
    ? error
    : failure(`cannot write ${file} (${systemCodeOf(error)})`, { cause: error });

/** Whether other users may open the file. On Windows, without such modes, the folder protects it. */
export const isOpenToOthers = ({ mode }: Stats): boolean =>
  process.platform !== 'win32' && (mode & 0o077) !== 0;

type Target = {
  readonly file: string;
  readonly mode: number;
  /** The owner of the file; by default the user of this process. */
  readonly owner?: { readonly uid: number; readonly gid: number } | undefined;
};

/** Gives a draft the access of the target. */
const giveAccess =
  ({ file, mode, owner }: Target) =>
  (draft: string): void => {
    try {
      if (owner) chownSync(draft, owner.uid, owner.gid);
    } catch (error) {
      throw failure(`the owner of ${file} cannot be kept: use --out`, { cause: error });
    }
    // The mode is set afterwards, because the umask of this process would clear bits of it.
    chmodSync(draft, mode);
  };

/** Replaces a file. After a crash at any point it holds the old content or the new content, never a part. */
export const replaceFile = (target: Target, content: string | Uint8Array): void => {
  try {
    replaceWhole(target.file, content, giveAccess(target));
  } catch (error) {
    throw cannotWrite(target.file, error);
  }
};

/**
 * The target for replacing an existing file: the file behind any links, with its mode and owner. Throws if
 * its folder cannot be written, so that this is known before the server does something that cannot be undone.
 */
export const requireReplaceable = (file: string): Target => {
  if (file === '-') throw usage('stdin cannot be replaced');
  return requireTarget(file, (present) => {
    if (present === undefined) throw failure(`there is no ${file}`);
    const { mode, uid, gid } = present;
    return { mode: mode & 0o777, owner: { uid, gid } };
  });
};

/** The target for a private file, with the same check. An existing file becomes private too. */
export const requireWritable = (file: string): Target =>
  requireTarget(file, () => ({ mode: privateMode }));

type TargetFlags = { readonly out?: string | undefined; readonly inPlace?: true | undefined };

/** The target of a command that writes a file again; `undefined` is stdout. */
export const targetOf = (file: string, { out, inPlace }: TargetFlags): Target | undefined => {
  if (out !== undefined && inPlace) throw usage('give --out or --in-place');
  if (inPlace) return requireReplaceable(file);
  return out === undefined ? undefined : requireWritable(out);
};

/** `accessFor` receives the status of an existing file. */
const requireTarget = (
  file: string,
  accessFor: (present: Stats | undefined) => Omit<Target, 'file'>,
): Target => {
  try {
    const stat = statSync(file, { throwIfNoEntry: false });
    // Replacing a device, such as /dev/null, would destroy it.
    if (stat && !stat.isFile()) throw failure(`${file} is no file that can be replaced`);
    const target = { file: stat ? realpathSync(file) : file, ...accessFor(stat) };
    checkReplaceable(target.file, giveAccess(target));
    return target;
  } catch (error) {
    throw cannotWrite(file, error);
  }
};
