/** Notices when the files that a vault has open are moved, replaced or deleted. */
import { closeSync, existsSync, fstatSync, openSync, type Stats, statSync } from 'node:fs';
import { failure, sentenceOf } from '../../system/failures.ts';
import { moveDraft } from '../../system/files.ts';
import { rewriteLog } from './renewed-log.ts';
import type { WriteAheadLog } from './write-ahead-log.ts';

const isSameFile = (one: Stats, other: Stats): boolean =>
  one.ino === other.ino && one.dev === other.dev;

const hasNoLink = (descriptor: number): boolean => {
  try {
    return fstatSync(descriptor).nlink === 0;
  } catch {
    // Not known, because the disk fails. The next sync reports that.
    return false;
  }
};

/**
 * Checks whether the store's file, its log and the log's index are still at their paths. The next
 * vault on the folder opens what is at these paths. `log` is the open log of `file`, and both must
 * be open already.
 */
export const watchFiles = (file: string, log: WriteAheadLog) => {
  const parts = ['', '-wal', '-shm'].map((part) => `${file}${part}`);
  const opened = parts.map((path) => ({ path, stats: statSync(path) }));
  // SQLite loses its locks when any descriptor of the file is closed, so this one stays open for
  // longer than the database.
  const descriptor = openSync(file, 'r');
  const isThere = ({ path, stats }: (typeof opened)[number]): boolean => {
    try {
      return isSameFile(stats, statSync(path));
    } catch {
      return false;
    }
  };
  const findMoved = (): string | undefined => opened.find((one) => !isThere(one))?.path;
  const findDeleted = (): string | undefined => {
    const isDeleted = hasNoLink(descriptor);
    if (!isDeleted && !hasNoLink(log.descriptor)) return undefined;
    // Some network file systems count no links at all.
    return findMoved() === undefined ? undefined : isDeleted ? file : `${file}-wal`;
  };
  const isReplaced = (): boolean => findMoved() === file && existsSync(file);
  /** Renames the log and its index, so that no start finds them. Returns the log's new path. */
  const setLogAside = (): string => {
    const suffix = `.${new Date().toISOString().replaceAll(':', '-')}`;
    const [, ...ofLog] = opened;
    for (const { path } of ofLog.filter(isThere)) moveDraft(path, `${path}${suffix}`);
    return `${file}-wal${suffix}`;
  };
  const ending = `the vault ends, because ${file} was deleted or replaced while it ran`;
  const away = `move ${file}-wal and ${file}-shm away`;
  const endOfDeleted = () => failure(`${ending}: ${away}, and restore the last backup`);
  const endOfReplaced = (): Error => {
    try {
      const log = setLogAside();
      return failure(`${ending}. The next start uses the file that is there now, without ${log}`);
    } catch (error) {
      const what = `${ending}, and its log cannot be renamed (${sentenceOf(error)})`;
      return failure(`${what}: ${away}, then start the vault`, { cause: error });
    }
  };
  return {
    findMoved,
    findDeleted,
    /**
     * Whether another file is at the path of the store. The next start would then copy the log into
     * that file, although the log works only with the one that is open.
     */
    isReplaced,
    setLogAside,
    /**
     * If the file or the log was deleted, returns a user-facing error that says so. A deleted log
     * is recreated first: once the process exits, nothing else has its acknowledged writes.
     */
    endOf: (): Error | undefined => {
      const deleted = findDeleted();
      if (deleted === undefined) return undefined;
      if (deleted === file) return isReplaced() ? endOfReplaced() : endOfDeleted();
      const why = `the vault ends, because ${deleted} was deleted while it ran`;
      try {
        rewriteLog(deleted, log.descriptor);
      } catch (error) {
        const what = `${why}, and it cannot be recreated (${sentenceOf(error)})`;
        return failure(`${what}: restore the last backup`, { cause: error });
      }
      return failure(
        `${why}. The vault has recreated it, with all acknowledged writes: start the vault`,
      );
    },
    close: () => closeSync(descriptor),
  };
};
