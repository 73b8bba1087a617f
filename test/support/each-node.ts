/** Finds every version of Node on this machine, for programs that must also run on old ones. */
import { spawnSync } from 'node:child_process';
import { existsSync, symlinkSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { freshFolder } from './local-process.ts';

/** Returns each version of Node on the PATH, with a folder that contains only that Node. */
export const nodesOnPath = (): readonly (readonly [version: string, folder: string])[] => {
  const files = (process.env['PATH'] ?? '')
    .split(delimiter)
    .map((folder) => join(folder, 'node'))
    .filter((file) => existsSync(file));
  const versionOf = (file: string): string =>
    spawnSync(file, ['--version'], { encoding: 'utf8' }).stdout.trim();
  return [...new Map(files.map((file) => [versionOf(file), file]))].map(([version, file]) => {
    const folder = freshFolder();
    symlinkSync(file, join(folder, 'node'));
    return [version, folder];
  });
};
