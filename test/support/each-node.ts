/** Every Node that a test can find, for programs that must run on old ones as well. */
import { existsSync, realpathSync, symlinkSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { freshFolder } from './local-process.ts';

/** For each Node on the PATH, a folder that contains only that Node. */
export const nodeFolders = (): readonly string[] => {
  const files = (process.env['PATH'] ?? '')
    .split(delimiter)
    .map((folder) => join(folder, 'node'))
    .filter((file) => existsSync(file))
    .map((file) => realpathSync(file));
  return [...new Set(files)].map((file) => {
    const folder = freshFolder();
    symlinkSync(file, join(folder, 'node'));
    return folder;
  });
};
