/**
 * Writes files that may contain values, completely or not at all. A new file is private to its
 * owner. A file that a command rewrites in place keeps its mode and owner.
 */
import { chmodSync, chownSync, readFileSync, realpathSync, type Stats, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { codeOf, failure, isFailure, systemCodeOf, usage } from '../../system/failures.ts';
import { moveDraft, withDraft } from '../../system/files.ts';
import { newDraft, removeOldDrafts } from './drafts.ts';

const privateMode = 0o600;

const cannotWrite = (file: string, error: unknown) =>
  isFailure(error)
    ? error
    : failure(`cannot write ${file} (${systemCodeOf(error)})`, { cause: error });

/** Whether other users may open the file. */
export const isOpenToOthers = ({ mode }: Stats): boolean => (mode & 0o077) !== 0;

type Target = {
  readonly file: string;
  readonly mode: number;
  /** The owner of the file. The default is the user of this process. */
  readonly owner?: { readonly uid: number; readonly gid: number } | undefined;
};

/** The target of a command that creates its content from a file, which may be the target itself. */
type RewrittenTarget = Target & {
  /**
   * The name that the user gave for the target, if it is the file that the command reads; otherwise
   * `null`.
   */
  readonly readAs: string | null;
};

/** Gives a draft the mode and owner of the target. */
const giveAccess =
  ({ file, mode, owner }: Target) =>
  (draft: string): void => {
    try {
      if (owner) chownSync(draft, owner.uid, owner.gid);
    } catch (error) {
      throw failure(`the owner of ${file} cannot be kept: use --out`, { cause: error });
    }
    // The mode is set afterwards, because this process's umask would clear bits of it.
    chmodSync(draft, mode);
  };

/**
 * Removes old drafts, writes a new one next to the target with the target's mode and owner, and
 * passes its path to `use`.
 */
const withPrivateDraft = (
  target: Target,
  content: string | Uint8Array,
  use: (draft: string) => void,
): void => {
  const folder = dirname(target.file);
  removeOldDrafts(folder);
  withDraft(newDraft(folder), content, (draft) => {
    giveAccess(target)(draft);
    use(draft);
  });
};

const replace = (target: Target, content: string | Uint8Array, check: () => void): void => {
  try {
    withPrivateDraft(target, content, (draft) => {
      check();
      moveDraft(draft, target.file);
    });
  } catch (error) {
    throw cannotWrite(target.file, error);
  }
};

/**
 * Replaces a file. After a crash at any point it has either the old or the new content, never a
 * part.
 */
export const replaceFile = (
  target: Target & { readonly readAs?: undefined },
  content: string | Uint8Array,
): void => replace(target, content, () => undefined);

/**
 * Replaces a file as `replaceFile` does, but throws if it is the file that the command has read and
 * somebody has changed it since: its content is no longer `read`. `whenChanged` returns what to do
 * then, as the end of the message.
 */
export const replaceUnchanged = (
  target: RewrittenTarget,
  content: string,
  read: string,
  whenChanged?: () => string,
): void => replace(target, content, () => requireUnchanged(target, read, whenChanged));

/** Throws if the command has read the target, and its content is no longer `read`. */
export const requireUnchanged = (
  { file, readAs }: RewrittenTarget,
  read: string,
  whenChanged: () => string = () => 'run the command again',
): void => {
  if (readAs === null || holds(file, read)) return;
  throw failure(`${readAs} was changed meanwhile and stays as it is; ${whenChanged()}`);
};

/** Whether the file has exactly this content. False if it is missing. */
const holds = (file: string, text: string): boolean => {
  try {
    return readFileSync(file).equals(Buffer.from(text));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false;
    throw error;
  }
};

/**
 * The target for replacing an existing file: the file behind any links, with its mode and owner.
 * Throws if its folder is not writable, so that this is known before the server does something that
 * cannot be undone. `source` is the file from which the command creates the content.
 */
export const requireReplaceable = (file: string, source = file): RewrittenTarget => {
  if (file === '-') throw usage('stdin cannot be replaced');
  const target = requireTarget(file, (present) => {
    if (present === undefined) throw failure(`there is no file ${file}: check its path`);
    const { mode, uid, gid } = present;
    return { mode: mode & 0o777, owner: { uid, gid } };
  });
  return rewritten(target, file, source);
};

/**
 * Returns the target for a private file. Throws if its folder is not writable. An existing file
 * becomes private, too.
 */
export const requireWritable = (file: string): Target =>
  requireTarget(file, () => ({ mode: privateMode }));

type TargetFlags = { readonly out?: string | undefined; readonly inPlace?: true | undefined };

/** The target of a command that rewrites a file; `undefined` means stdout. */
export const targetOf = (
  file: string,
  { out, inPlace }: TargetFlags,
): RewrittenTarget | undefined => {
  if (out !== undefined && inPlace) throw usage('give --out or --in-place');
  if (inPlace) return requireReplaceable(file);
  return out === undefined ? undefined : rewritten(requireWritable(out), out, file);
};

const rewritten = (target: Target, file: string, source: string): RewrittenTarget => ({
  ...target,
  readAs: isSameFile(target.file, source) ? file : null,
});

/**
 * Whether both paths lead to the same file. `source` may be stdin, or a file that no longer exists.
 */
const isSameFile = (file: string, source: string): boolean => {
  try {
    return realpathSync(file) === realpathSync(source);
  } catch {
    return false;
  }
};

/**
 * Returns the target for a file. Throws if its folder is not writable, which an empty draft shows.
 * `accessFor` receives the status of the file, or `undefined` if there is none, and returns the
 * mode and owner for it.
 */
const requireTarget = (
  file: string,
  accessFor: (present: Stats | undefined) => Omit<Target, 'file'>,
): Target => {
  try {
    const stat = statSync(file, { throwIfNoEntry: false });
    // Replacing a device, such as /dev/null, would destroy it.
    if (stat && !stat.isFile()) throw failure(`${file} is not a file that can be replaced`);
    const target = { file: stat ? realpathSync(file) : file, ...accessFor(stat) };
    withPrivateDraft(target, '', () => undefined);
    return target;
  } catch (error) {
    throw cannotWrite(file, error);
  }
};
