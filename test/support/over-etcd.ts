/** Lets the tests of a project use the store over etcd instead of the embedded one (test/support/embedded.ts). */
process.env['TEST_STORE'] = 'etcd';
