/**
 * The drafts of files that a command replaces. A command that is killed leaves its draft behind,
 * perhaps with values in it. The next command that replaces a file in the folder removes it.
 */
import { randomBytes } from 'node:crypto';
import { lstatSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { isRunning } from '../../system/process-starts.ts';

const draftName = /^\.env\.dsvault-(\d+)-[0-9a-f]{12}\.env$/;

/**
 * Drafts older than this are removed. A draft exists only for milliseconds, so a running process
 * with the number in its name is then a different one.
 */
const lifeMaxMs = 60_000;

/**
 * The path of a new draft in the folder. Its name matches the `.gitignore` patterns `.env*`,
 * `.env.*` and `*.env`, so that a draft which is left behind is not committed.
 */
export const newDraft = (folder: string): string =>
  join(folder, `.env.dsvault-${process.pid}-${randomBytes(6).toString('hex')}.env`);

/**
 * Removes the drafts of ended processes. Those that cannot be listed or removed stay, because they
 * belong to somebody else.
 */
export const removeOldDrafts = (folder: string): void => {
  for (const name of ignoringErrors(() => readdirSync(folder)) ?? []) {
    const [, pid] = draftName.exec(name) ?? [];
    const draft = join(folder, name);
    if (pid !== undefined) ignoringErrors(() => isOld(draft, Number(pid)) && rmSync(draft));
  }
};

/**
 * Returns whether the draft can be removed. A draft with the number of this process is from an
 * earlier process, because this one has no draft yet when it looks for old ones.
 */
const isOld = (draft: string, pid: number): boolean =>
  pid === process.pid || !isRunning(pid) || Date.now() - lstatSync(draft).mtimeMs > lifeMaxMs;

const ignoringErrors = <Result>(action: () => Result): Result | undefined => {
  try {
    return action();
  } catch {
    return undefined;
  }
};
