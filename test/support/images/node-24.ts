/**
 * The Node in the images and on the server in the tests. It is the version that Lambda runs. No
 * package of this project contains it, so it is fetched from the registry when it is first needed.
 */
import { join } from 'node:path';
import { run } from '../../../host/process/run.ts';
import { installOnce } from '../../../local/containers/install-once.ts';

export const nodeVersion = '24.21.0';

/**
 * Returns the path of that Node. It is kept in `.local` of the checkout, whose folder is `root`.
 */
export const fetchNode24 = async (root: string): Promise<string> => {
  const name = `node-linux-${process.arch}`;
  const folder = join(root, '.local/nodes', nodeVersion);
  await installOnce({
    folder,
    name,
    install: async () => {
      const words = ['--silent', '--no-save', '--no-package-lock', '--prefix', folder];
      await run('npm', ['install', ...words, `${name}@${nodeVersion}`]);
    },
  });
  return join(folder, 'node_modules', name, 'bin/node');
};
