#!/usr/bin/env -S node --
/**
 * The command `dsv` as a checkout has it: bundles `cli/main.ts` into one file where that is missing or older than its
 * sources, and runs it. Plain JavaScript, for a Node that cannot run TypeScript; so `dsv` needs no build step, and
 * never runs what was true before the last `git pull`.
 *
 * The `--` in the first line is needed: Node takes `--env-file` for its own wherever it stands before one. Node would
 * load the file of `dsv run --env-file` as it is and obey its NODE_OPTIONS. `node cli/dsv.js` and npx have no such
 * `--`, so no document shows them.
 */
import { mkdirSync, readdirSync, renameSync, statSync, utimesSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const bundle = join(root, '.local/cli/dsv.js');
const sources = ['cli', 'functions/env', 'functions/model', 'package.json', 'package-lock.json'];

/** When the file, or any file of the folder, was last changed, in whole milliseconds; 0 where there is none. */
const changedAt = (path) => {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat?.isDirectory()) return Math.round(stat?.mtimeMs ?? 0);
  const inside = readdirSync(path).map((name) => changedAt(join(path, name)));
  return Math.max(Math.round(stat.mtimeMs), ...inside);
};

/** Two may build at once: each writes a file of its own, and the last to finish is kept. */
const build = async (newest) => {
  const { buildSync } = await import('esbuild');
  const draft = `${bundle}.${process.pid}.js`;
  mkdirSync(dirname(bundle), { recursive: true });
  // Not its service: that would stay as long as what dsv runs.
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
    // Commander and cli-table3 are CommonJS and ask for Node's own modules.
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    },
  });
  // Dated as its sources: what is changed while it is built is newer.
  utimesSync(draft, newest / 1_000, newest / 1_000);
  renameSync(draft, bundle);
};

const newest = Math.max(...sources.map((path) => changedAt(join(root, path))));
if (changedAt(bundle) !== newest) {
  try {
    await build(newest);
  } catch (error) {
    process.stderr.write(`dsv: cannot build itself (${error.message}); run npm ci in ${root}\n`);
    process.exit(1);
  }
}
await import(pathToFileURL(bundle).href);
