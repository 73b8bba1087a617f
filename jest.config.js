// jose is published as ESM only; inside Jest it goes through the same transform.
const project = (name) => ({
  displayName: name,
  testMatch: [`<rootDir>/test/${name}/**/*.test.ts`],
  transform: { '\\.ts$|node_modules/jose/.*\\.js$': '<rootDir>/test/support/esbuild-transform.js' },
  transformIgnorePatterns: ['/node_modules/(?!jose/)'],
});

export default {
  maxWorkers: 2,
  projects: ['unit', 'property', 'contract', 'e2e'].map(project),
};
