import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { whatIsMissing } from './host/bin/preflight.js';
import { findProgram } from './system/programs.ts';

const missing = whatIsMissing();
if (missing !== undefined) {
  process.stderr.write(`${missing}\n`);
  process.exit(1);
}

// One seed for all processes of a run (test/support/seed.ts). fast-check takes whole numbers of 32
// bits as they are.
process.env.TEST_SEED ||= String(Date.now() % 2 ** 31);

// All temporary files of a run, those of its programs included. Workers, and runs that a test
// starts, take the variable from the first process.
const isFirstProcess = process.env.JEST_WORKER_ID === undefined;
if (isFirstProcess) process.env.TMPDIR = mkdtempSync(join(tmpdir(), 'vault-'));

// These are published as ESM only; inside Jest they go through the same transform.
const esm =
  '(?:commander|@commander-js/extra-typings|jose|oauth4webapi|to-fast-properties|pkijs|asn1js|bytestreamjs|@noble/hashes|@peculiar/utils)/';
const setupFiles = ['<rootDir>/test/support/first-umask.ts'];
const project = (name, more = {}) => ({
  displayName: name,
  cacheDirectory: '.local/jest',
  testMatch: [`<rootDir>/test/${name}/**/*.test.ts`],
  // The last release is there, with a package of the same name (test/support/released.ts).
  modulePathIgnorePatterns: ['<rootDir>/.local/'],
  setupFilesAfterEnv: setupFiles,
  transform: {
    [`\\.ts$|node_modules/${esm}.*\\.js$`]: '<rootDir>/test/support/esbuild-transform.js',
  },
  transformIgnorePatterns: [`/node_modules/(?!${esm})`],
  ...more,
  testPathIgnorePatterns: leftOutOf(more.testPathIgnorePatterns ?? []),
});

/** For tests that generate their inputs with fast-check. */
const generating = {
  setupFilesAfterEnv: [...setupFiles, '<rootDir>/test/support/generated-inputs.ts'],
};

/**
 * The files of `contract` that hold every store to the same suites: SQLite there, and the other
 * stores elsewhere.
 */
const ofAnyStore = [
  ...['calls', 'concurrent-duplicates', 'conditional-reads', 'copy-secret', 'delete-secret'],
  'destroy-version',
  ...['env-at', 'env-deletions', 'env-files', 'env-next', 'env-pins', 'explain-secret'],
  ...[
    'hidden-names',
    'idempotency',
    'items.property',
    'large-table',
    'reads',
    'restore',
    'time-limits',
    'unclear-writes',
    'write-secret',
  ],
];

/**
 * The suites that need a DynamoDB. npm has dynoxide for Linux x64 only; elsewhere they are left
 * out, and the run says so.
 */
const overDynamodb = [
  ...['unit/local/dynamodb/dynoxide', 'contract/calls'],
  ...['e2e/concurrency', 'e2e/over-dynamodb', 'cluster/chaos/checker', 'cloud/policies/policies'],
  ...['key-faults', 'half-visible', 'store-faults', 'memory-dynamodb', 'crash-points'].map(
    (name) => `proof/${name}`,
  ),
  ...['proof/hostile-network', 'proof/upgrade'],
];
const dynoxide = findProgram('dynoxide', [
  join('node_modules', '@dynoxide', `${process.platform}-${process.arch}`),
]);
const leftOut = dynoxide === undefined ? overDynamodb : [];
const leftOutOf = (paths) =>
  leftOut.map((name) => `<rootDir>/test/${name}\\.test\\.ts`).concat(paths);

/** `sam` or `localstack`: the program whose vault the e2e suites call, instead of `npm start`. */
const gateway = process.env.TEST_GATEWAY;
const cloud = gateway
  ? {
      testMatch: ['<rootDir>/test/e2e/*.test.ts', `<rootDir>/test/cloud/${gateway}/**/*.test.ts`],
      globalSetup: `<rootDir>/test/cloud/${gateway}/setup.ts`,
      globalTeardown: `<rootDir>/test/cloud/${gateway}/teardown.ts`,
    }
  : { testPathIgnorePatterns: ['/test/cloud/(sam|localstack)/'] };

export default {
  maxWorkers: Number(process.env.TEST_WORKERS ?? 2),
  testSequencer: '<rootDir>/test/support/longest-first.js',
  maxConcurrency: 2,
  // For every test: a busy machine may need minutes for what takes seconds. A shorter limit is the
  // promise under test.
  testTimeout: 300_000,
  // After half a second Jest kills a worker, and says that it leaks. On a busy machine a worker
  // needs more to end.
  workerGracefulExitTimeout: 5_000,
  reporters: [
    'default',
    [
      '<rootDir>/test/support/run-reporter.ts',
      {
        projects: ['unit', 'contract', 'proof'],
        folder: isFirstProcess && process.env.TMPDIR,
        leftOut,
      },
    ],
  ],
  projects: [
    project('unit', generating),
    project('contract', generating),
    project('e2e'),
    project('browser'),
    project('cluster'),
    project('cluster', {
      testMatch: [`<rootDir>/test/contract/{${ofAnyStore}}.test.ts`],
      setupFiles: ['<rootDir>/test/support/over-etcd.ts'],
    }),
    project('cloud', cloud),
    project('proof', { testPathIgnorePatterns: ['/test/proof/readers/'] }),
    ...(dynoxide === undefined
      ? []
      : [
          project('proof', {
            testMatch: [`<rootDir>/test/contract/{${ofAnyStore}}.test.ts`],
            setupFiles: ['<rootDir>/test/support/over-dynamodb.ts'],
          }),
        ]),
    project('proof', {
      testMatch: ['<rootDir>/test/proof/readers/**/*.test.ts'],
      globalSetup: '<rootDir>/test/proof/readers/setup.ts',
      ...generating,
    }),
  ],
};
