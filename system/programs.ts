/** Finds the program for a command, as a shell does. */
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, resolve } from 'node:path';
import { variable } from './environment.ts';

/**
 * Returns the paths at which the program could be: `command` itself if it is a path, and otherwise
 * this name in each of `folders` and then in each folder of the PATH. Does not check whether they
 * exist or are executable.
 */
const filesOf = (command: string, folders: readonly string[]): readonly string[] => {
  if (command.includes('/')) return [command];
  const all = [...folders, ...(variable('PATH') ?? '').split(delimiter)];
  return all.map((folder) => resolve(folder, command));
};

const isProgram = (file: string): boolean => {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
};

/**
 * Returns the path of the first program with this name in `folders`, and then on the PATH of this
 * process.
 */
export const findProgram = (command: string, folders: readonly string[] = []): string | undefined =>
  filesOf(command, folders).find(isProgram);

/**
 * Whether the PATH has a file or folder with this name, even if it is not a program. A command that
 * is a path is looked up where it points.
 */
export const isOnPath = (command: string): boolean =>
  filesOf(command, []).some((file) => statSync(file, { throwIfNoEntry: false }) !== undefined);
