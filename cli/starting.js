/**
 * The check of the version of Node with which `dsvault.js` (in a checkout) and `installed.js` (in
 * the package) begin. This file has no imports, so that a Node which is too old can still run it.
 */

/** The oldest Node that can run `dsvault`. package.json has this version, too. */
const oldestNode = '22.12';

/**
 * Prints a sentence on stderr and ends the process: `dsvault run` with exit code 125, any other
 * command with 1.
 */
export const end = (sentence) => {
  process.stderr.write(`dsvault: ${sentence}\n`);
  process.exit(process.argv[2] === 'run' ? 125 : 1);
};

/** Ends the process if this Node is too old. `otherwise` says what helps besides a newer Node. */
export const requireNode = (otherwise = '') => {
  const [major, minor] = process.versions.node.split('.').map(Number);
  const [oldestMajor, oldestMinor] = oldestNode.split('.').map(Number);
  if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) return;
  end(
    `this needs Node ${oldestNode} or later, and Node ${process.versions.node} runs it: ` +
      `install Node ${oldestNode} or later${otherwise}`,
  );
};
