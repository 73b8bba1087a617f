/**
 * Builds the command line and the page of its console with esbuild, for `cli/dsvault.js` and for the
 * packages, in plain JavaScript, because an older Node cannot run TypeScript.
 *
 * esbuild's service is avoided, because its process would live as long as the program that dsvault runs.
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
  // The licences of the parts go into a file of their own.
  legalComments: 'none',
  metafile: true,
  logLevel: 'silent',
};

/**
 * Builds the command line as one file, and returns what esbuild tells of its parts. Its help names the
 * address of the pages, if there is one.
 *
 * It is CommonJS, because startup then loads only the modules of Node that a command asks for. An import of
 * `node:http` would load all of `fetch` as well.
 */
export const buildProgram = (outfile, pages) =>
  buildSync({
    ...shared,
    entryPoints: ['cli/main.ts'],
    outfile,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    mainFields: ['module', 'main'],
    define: { 'import.meta.url': 'bundleUrl', ...(pages && { pagesUrl: JSON.stringify(pages) }) },
    // The directive is strict only if nothing stands before it.
    banner: {
      js: "'use strict';const bundleUrl = require('node:url').pathToFileURL(__filename).href;",
    },
  }).metafile;

/** Builds the page of `dsvault console` into a folder, and returns what esbuild tells of its parts. */
export const buildPage = (outdir) => {
  const { metafile } = buildSync({
    ...shared,
    entryPoints: ['console/page/app.tsx'],
    outdir,
    platform: 'browser',
    target: 'es2022',
    format: 'esm',
    jsx: 'automatic',
    jsxImportSource: 'preact',
  });
  for (const file of ['index.html', 'icon.svg']) {
    copyFileSync(join(root, 'console/page', file), join(outdir, file));
  }
  return metafile;
};
