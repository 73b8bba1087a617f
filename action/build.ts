/** Builds the action into a folder. A release pushes this folder as the content of its tag. */
import { copyFileSync, mkdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { buildSync } from 'esbuild';

const root = join(import.meta.dirname, '..');

/**
 * Writes `action.yml`, its script and the licence. The script is called `.mjs`, because the
 * package.json of the repository in which the action lies may make `.js` mean CommonJS or a module.
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
