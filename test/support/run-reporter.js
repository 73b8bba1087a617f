import { rmSync } from 'node:fs';

/**
 * A reporter for Jest that acts at the end of a run. It removes `folder`, which contains all
 * temporary files of the run, unless a test failed or `folder` is false. If a test of one of
 * `projects` failed, it prints how to generate the same inputs again. It prints the suites in
 * `leftOut`, and lets the run fail because of them if `CI` is set.
 */
export default function RunReporter(_globalConfig, { projects, folder, leftOut }) {
  const sentence = `no dynoxide is installed, so these suites were left out: ${leftOut.join(', ')}`;
  this.getLastError = () =>
    leftOut.length > 0 && process.env.CI ? new Error(sentence) : undefined;
  this.onRunComplete = (_contexts, { testResults }) => {
    if (leftOut.length > 0) process.stderr.write(`\n${sentence}\n`);
    const failed = testResults.filter((one) => one.numFailingTests > 0 || one.testExecError);
    // The folder is removed only when this process ends, because a vault that serves the whole run
    // uses its files until then.
    if (folder && failed.length === 0) {
      process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
    }
    if (folder && failed.length > 0)
      process.stderr.write(`\nThe files of this run are in ${folder}.\n`);
    if (!failed.some(({ displayName }) => projects.includes(displayName?.name))) return;
    process.stderr.write(`TEST_SEED=${process.env.TEST_SEED} generates the same inputs again.\n`);
  };
}
