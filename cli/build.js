/**
 * Builds the command line and the page of its console with esbuild, for `cli/dsvault.js` and for
 * the packages. It is plain JavaScript, because Node runs TypeScript only since 22.18, and
 * `dsvault` also supports older releases.
 *
 * esbuild's service is not used, because its process would live as long as the program that dsvault
 * runs.
 */
import { copyFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

const shared = {
  absWorkingDir: root,
  bundle: true,
  minify: true,
  // The licences of the bundled code go into a separate file.
  legalComments: 'none',
  metafile: true,
  logLevel: 'silent',
};

/**
 * Builds the command line as one file, and returns esbuild's description of its parts. `packed` is
 * for a package: its commit, and the address of the documentation, which the help then shows.
 *
 * It is CommonJS, because then only those modules of Node are loaded that a command needs. An
 * import of `node:http` would also load all of `fetch`.
 */
export const buildProgram = (outfile, packed) =>
  buildSync({
    ...shared,
    entryPoints: ['cli/main.ts'],
    outfile,
    platform: 'node',
    target: 'node22.12',
    format: 'cjs',
    mainFields: ['module', 'main'],
    define: {
      'import.meta.url': 'bundleUrl',
      ...(packed && { packedCommit: JSON.stringify(packed.commit) }),
      ...(packed?.pages && { pagesUrl: JSON.stringify(packed.pages) }),
    },
    // `'use strict'` takes effect only as the first statement.
    banner: {
      js: "'use strict';const bundleUrl = require('node:url').pathToFileURL(__filename).href;",
    },
  }).metafile;

/**
 * Builds the start of an installed command line, which loads `program.js` next to it. Its syntax is
 * so old that a Node which is too old for `dsvault` can still run it, and say so.
 */
export const buildInstalled = (outfile) =>
  buildSync({
    ...shared,
    entryPoints: ['cli/installed.js'],
    outfile,
    platform: 'node',
    target: 'es2015',
    format: 'cjs',
    external: ['./program.js'],
    // Without the `--`, Node would interpret an option `--env-file` after the name of the program
    // itself.
    banner: { js: '#!/usr/bin/env -S node --' },
  });

/**
 * Builds the page of `dsvault console` into a folder, and returns esbuild's description of its
 * parts.
 */
export const buildPage = (outdir) => {
  const { metafile } = buildSync({
    ...shared,
    entryPoints: ['cli/console/page/app.tsx'],
    outdir,
    platform: 'browser',
    target: 'es2022',
    format: 'esm',
    jsx: 'automatic',
    jsxImportSource: 'preact',
  });
  for (const file of ['index.html', 'icon.svg']) {
    copyFileSync(join(root, 'cli/console/page', file), join(outdir, file));
  }
  return metafile;
};
