/**
 * The Node of the images and of the server in the tests. Lambda runs this line, and no package of this project has it,
 * so it comes from the registry when it is first needed.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../../../local/process/run.ts';

export const nodeVersion = '24.21.0';

/** Returns the file of that Node. `root` is the checkout, which keeps it in `.local`. */
export const fetchNode24 = async (root: string): Promise<string> => {
  const name = `node-linux-${process.arch}`;
  const folder = join(root, '.local/nodes', nodeVersion);
  const file = join(folder, 'node_modules', name, 'bin/node');
  if (!existsSync(file)) {
    const words = ['--silent', '--no-save', '--no-package-lock', '--prefix', folder];
    await run('npm', ['install', ...words, `${name}@${nodeVersion}`]);
  }
  return file;
};
