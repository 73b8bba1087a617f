#!/usr/bin/env -S node --
/**
 * The command `dsvault` of a checkout: bundles `cli/main.ts` into one file if the bundle is missing
 * or older than its sources, and runs the bundle. So `dsvault` needs no build step and never runs
 * an old bundle after `git pull`. It is plain JavaScript, because Node runs TypeScript only since
 * 22.18, and `dsvault` also supports older releases.
 *
 * The `--` in the first line is needed: without a `--` before it, Node takes any `--env-file` of
 * the command line for its own option. Node would then load the file of `dsvault run --env-file`
 * unexpanded and obey its NODE_OPTIONS. `node cli/dsvault.js` and npx have no such `--`, so no
 * document shows them.
 */
import { mkdirSync, readdirSync, renameSync, rmdirSync, statSync, utimesSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { useCodeCache } from './code-cache.js';
import { end, requireNode } from './starting.js';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
requireNode(
  `, or put ${join(root, 'node_modules/.bin')} first on the PATH, where npm ci has put one`,
);
const folder = join(root, '.local/cli');
const bundle = join(folder, 'dsvault.cjs');
const sources = [
  ...['client', 'cli', 'system', 'functions/access', 'functions/env', 'functions/model'],
  ...['package.json', 'package-lock.json'],
];

/**
 * Returns when the file, or any file of the folder, was last changed, in whole milliseconds; 0 if
 * missing.
 */
const changedAt = (path) => {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat?.isDirectory()) return Math.round(stat?.mtimeMs ?? 0);
  const inside = readdirSync(path).map((name) => changedAt(join(path, name)));
  return Math.max(Math.round(stat.mtimeMs), ...inside);
};

/**
 * Builds into files that only this process uses, and then renames them. If two processes build at
 * once, the last one wins.
 */
const build = async (newest) => {
  const { buildPage, buildProgram } = await import('./build.js');
  const draft = `${bundle}.${process.pid}.cjs`;
  mkdirSync(folder, { recursive: true });
  buildProgram(draft);
  const page = join(folder, 'console');
  const pageDraft = `${page}.${process.pid}`;
  buildPage(pageDraft);
  // Another process may read the page at any time, so each file is replaced whole.
  mkdirSync(page, { recursive: true });
  for (const file of readdirSync(pageDraft)) renameSync(join(pageDraft, file), join(page, file));
  rmdirSync(pageDraft);
  // The bundle gets the date that its newest source had before the build. If a source changes
  // during the build, the next start notices it and builds again.
  utimesSync(draft, newest / 1_000, newest / 1_000);
  renameSync(draft, bundle);
};

const newest = Math.max(...sources.map((path) => changedAt(join(root, path))));
if (changedAt(bundle) !== newest) {
  try {
    await build(newest);
  } catch (error) {
    end(`cannot build itself (${error.message}); run npm ci in ${root}`);
  }
}
useCodeCache();
// An import would first search the whole bundle for its exports: 70 ms with Node 22.12.
createRequire(import.meta.url)(bundle);
