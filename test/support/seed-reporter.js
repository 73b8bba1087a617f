/** A reporter for Jest: where a test of `projects` has failed, it tells how to generate the same inputs again. */
export default function SeedReporter(_globalConfig, { projects }) {
  this.onRunComplete = (_contexts, { testResults }) => {
    const isTold = testResults.some(
      ({ displayName, numFailingTests, testExecError }) =>
        projects.includes(displayName?.name) && (numFailingTests > 0 || testExecError),
    );
    if (!isTold) return;
    process.stderr.write(`\nTEST_SEED=${process.env.TEST_SEED} generates the same inputs again.\n`);
  };
}
