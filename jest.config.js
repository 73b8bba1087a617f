// jose is published as ESM only; inside Jest it goes through the same transform.
const project = (name) => ({
  displayName: name,
  testMatch: [`<rootDir>/test/${name}/**/*.test.ts`],
  transform: { '\\.ts$|node_modules/jose/.*\\.js$': '<rootDir>/test/support/esbuild-transform.js' },
  transformIgnorePatterns: ['/node_modules/(?!jose/)'],
});

/** Real readers of .env files that need more than Node and bash: `npm run test:readers`. */
const readers = { ...project('readers'), globalSetup: '<rootDir>/test/readers/setup.ts' };

/** Slow ones, each with a script of its own (`npm run test:cluster`), as each needs something more, or much time. */
const slow = [
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

/** The e2e suites against `sam local start-api`, and what only it has: `npm run test:sam`. */
const sam = {
  ...project('sam'),
  testMatch: ['<rootDir>/test/{e2e,sam}/**/*.test.ts'],
  globalSetup: '<rootDir>/test/sam/setup.ts',
  globalTeardown: '<rootDir>/test/sam/teardown.ts',
};

export default {
  maxWorkers: 2,
  projects: [...['unit', 'property', 'contract', 'e2e', ...slow].map(project), readers, sam],
};
