/**
 * Checks whether this Node can run the programs of this repository, in plain JavaScript, so that every Node
 * can run it: a Node that is too old, or that finds no packages, would otherwise end in a stack trace.
 */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const oldestNode = 24;

/** Returns one sentence that names the problem; `undefined` if there is none. */
export const whatIsMissing = () => {
  if (!existsSync(join(root, 'node_modules', 'valibot'))) {
    return 'the packages are not installed: run npm ci first';
  }
  if (Number.parseInt(process.versions.node, 10) >= oldestNode) return undefined;
  return (
    `this needs Node ${oldestNode} or later, and Node ${process.versions.node} runs it: npm ci installs one for this ` +
    'folder, unless it is told --ignore-scripts, --omit=dev or NODE_ENV=production, so run it without them'
  );
};
