/** Builds the action into a folder. A release pushes this folder as the content of its tag. */
import { copyFileSync, mkdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { buildSync } from 'esbuild';

const root = join(import.meta.dirname, '..');

/**
 * Writes `action.yml`, its script and the licence. The script is called `.mjs`, because the action may stand
 * in a repository whose package.json takes `.js` for CommonJS or for a module.
 */
export const buildAction = (folder: string): void => {
  mkdirSync(folder, { recursive: true });
  for (const file of ['action/action.yml', 'LICENSE']) {
    copyFileSync(join(root, file), join(folder, basename(file)));
  }
  buildSync({
    entryPoints: [join(root, 'action/main.ts')],
    outfile: join(folder, 'index.mjs'),
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    logLevel: 'silent',
  });
};
