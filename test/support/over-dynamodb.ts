/** Makes the tests of a project use dynoxide instead of SQLite (test/support/test-store.ts). */
process.env['TEST_STORE'] = 'dynamodb';
