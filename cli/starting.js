/**
 * What comes before `dsvault` itself, in a checkout (`dsvault.js`) and in the package
 * (`installed.js`). It has no imports, so that a Node which is too old can still run it.
 */

/** The oldest Node that can run `dsvault`. package.json has this version, too. */
const oldestNode = '22.12';

/** Ends the process with a sentence, and with the exit code that `dsvault` has for any failure. */
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
