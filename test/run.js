/**
 * `node test/run.js PROJECT… [--long] [words and options for Jest]`: runs projects of
 * jest.config.js.
 *
 * `--long` adds what takes hours rather than minutes: more seeds to `proof`, more chaos to
 * `cluster`. `cloud` runs three times: without a gateway, then all e2e suites behind SAM and behind
 * LocalStack; its first word may choose one of the two.
 */
import { spawnSync } from 'node:child_process';

const known = ['unit', 'contract', 'e2e', 'browser', 'cluster', 'cloud', 'proof'];
const given = process.argv.slice(2);
const projects = given.filter((word) => known.includes(word));
const words = given.filter((word) => !known.includes(word) && word !== '--long');
/** Their tests wait for programs and times, so that only three workers keep two cores busy. */
const mostlyWaiting = ['unit', 'contract', 'e2e', 'cluster'];
const workers = projects.every((project) => mostlyWaiting.includes(project)) ? 3 : 2;
const env = {
  ...process.env,
  TEST_WORKERS: workers,
  ...(given.includes('--long') && { TEST_LONG: '1' }),
};

const run = (jestWords, gateway) => {
  // Jest takes all words after --selectProjects for names of projects, so these come last.
  const options = [
    ...jestWords,
    // The suites behind one gateway share it, so they run one after the other.
    ...(gateway ? ['--runInBand'] : []),
    '--selectProjects',
    ...projects,
  ];
  const { status } = spawnSync(process.execPath, ['node_modules/jest/bin/jest.js', ...options], {
    stdio: 'inherit',
    env: { ...env, ...(gateway && { TEST_GATEWAY: gateway }) },
  });
  return status ?? 1;
};

const gateways = ['sam', 'localstack'];
if (!projects.includes('cloud')) process.exitCode = run(words);
else if (gateways.includes(words[0])) process.exitCode = run(words.slice(1), words[0]);
else if (words.length > 0) process.exitCode = run(words);
else process.exitCode = Math.max(run(words), ...gateways.map((gateway) => run(words, gateway)));
