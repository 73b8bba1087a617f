/**
 * Makes the tests of a project use the store over etcd instead of SQLite
 * (test/support/test-store.ts).
 */
process.env['TEST_STORE'] = 'etcd';
