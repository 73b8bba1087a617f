import { whatIsMissing } from './local/preflight.js';

const missing = whatIsMissing();
if (missing !== undefined) {
  process.stderr.write(`${missing}\n`);
  process.exit(1);
}

// One seed for all processes of a run (test/support/seed.ts). fast-check takes whole numbers of 32 bits as they are.
process.env.TEST_SEED ||= String(Date.now() % 2 ** 31);

// These are published as ESM only; inside Jest they go through the same transform.
const esm = '(?:jose|to-fast-properties|pkijs|asn1js|bytestreamjs|@noble/hashes|@peculiar/utils)/';
const project = (name) => ({
  displayName: name,
  testMatch: [`<rootDir>/test/${name}/**/*.test.ts`],
  transform: {
    [`\\.ts$|node_modules/${esm}.*\\.js$`]: '<rootDir>/test/support/esbuild-transform.js',
  },
  transformIgnorePatterns: [`/node_modules/(?!${esm})`],
});

/** Projects that generate their inputs with fast-check. */
const generating = (name) => ({
  ...project(name),
  setupFilesAfterEnv: ['<rootDir>/test/support/generated-inputs.ts'],
});

/** Real readers of .env files that need more than Node and bash: `npm run test:readers`. */
const readers = { ...generating('readers'), globalSetup: '<rootDir>/test/readers/setup.ts' };

/** Slow ones, each with a script of its own (`npm run test:cluster`), as each needs something more, or much time. */
const slow = [
  'browser',
  'cli',
  'cluster',
  'chaos',
  'compose',
  'localstack-kms',
  'policies',
  'proof',
  'template',
  'mutants',
];

/** The e2e suites against another gateway than our own, and what only that has: `npm run test:sam`. */
const behind = (name) => ({
  ...project(name),
  testMatch: [`<rootDir>/test/{e2e,${name}}/**/*.test.ts`],
  globalSetup: `<rootDir>/test/${name}/setup.ts`,
  globalTeardown: `<rootDir>/test/${name}/teardown.ts`,
});

export default {
  maxWorkers: 2,
  reporters: [
    'default',
    ['<rootDir>/test/support/seed-reporter.js', { projects: ['property', 'readers'] }],
  ],
  projects: [
    ...['unit', 'contract', 'e2e', ...slow].map(project),
    generating('property'),
    readers,
    behind('sam'),
    behind('localstack'),
  ],
};
