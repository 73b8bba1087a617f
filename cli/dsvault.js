#!/usr/bin/env -S node --
/**
 * The command `dsvault` of a checkout. It bundles `cli/main.ts` into one file if the bundle is missing or older than
 * its sources, and runs the bundle. So `dsvault` needs no build step and never runs an old bundle after `git pull`.
 * This file is plain JavaScript, because an older Node cannot run TypeScript.
 *
 * The `--` in the first line is needed, because Node takes any `--env-file` before it for its own option. Node would
 * then load the file of `dsvault run --env-file` unexpanded and obey its NODE_OPTIONS. `node cli/dsvault.js` and npx
 * have no such `--`, so no document shows them.
 */
import {
  copyFileSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmdirSync,
  statSync,
  utimesSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const folder = join(root, '.local/cli');
const bundle = join(folder, 'dsvault.js');
const sources = [
  ...['client', 'cli', 'console', 'system', 'functions/access', 'functions/env', 'functions/model'],
  ...['package.json', 'package-lock.json'],
];

/** The time at which the file, or any file of the folder, was last changed, in whole milliseconds; 0 if missing. */
const changedAt = (path) => {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat?.isDirectory()) return Math.round(stat?.mtimeMs ?? 0);
  const inside = readdirSync(path).map((name) => changedAt(join(path, name)));
  return Math.max(Math.round(stat.mtimeMs), ...inside);
};

/** Two processes may build at once. Each writes its own file, and the last one to finish wins. */
const build = async (newest) => {
  const { buildSync } = await import('esbuild');
  const draft = `${bundle}.${process.pid}.js`;
  mkdirSync(dirname(bundle), { recursive: true });
  // esbuild's service is avoided, because its process would live as long as the program that dsvault runs.
  buildSync({
    entryPoints: [join(root, 'cli/main.ts')],
    outfile: draft,
    bundle: true,
    minify: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    mainFields: ['module', 'main'],
    logLevel: 'silent',
    // Commander and cli-table3 are CommonJS and require Node's own modules.
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    },
  });
  buildPage(buildSync);
  // The bundle gets the date of its sources, so a source that changes during the build is newer.
  utimesSync(draft, newest / 1_000, newest / 1_000);
  renameSync(draft, bundle);
};

/** The page of `dsvault console`. */
const buildPage = (buildSync) => {
  const page = join(root, 'console/page');
  const outdir = join(folder, 'console');
  const draft = `${outdir}.${process.pid}`;
  buildSync({
    entryPoints: [join(page, 'app.tsx')],
    outdir: draft,
    bundle: true,
    minify: true,
    platform: 'browser',
    target: 'es2022',
    format: 'esm',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    logLevel: 'silent',
  });
  for (const file of ['index.html', 'icon.svg']) copyFileSync(join(page, file), join(draft, file));
  // Another process may read the page at any time, so each file is replaced whole.
  mkdirSync(outdir, { recursive: true });
  for (const file of readdirSync(draft)) renameSync(join(draft, file), join(outdir, file));
  rmdirSync(draft);
};

const newest = Math.max(...sources.map((path) => changedAt(join(root, path))));
if (changedAt(bundle) !== newest) {
  try {
    await build(newest);
  } catch (error) {
    process.stderr.write(
      `dsvault: cannot build itself (${error.message}); run npm ci in ${root}\n`,
    );
    process.exit(1);
  }
}
await import(pathToFileURL(bundle).href);
