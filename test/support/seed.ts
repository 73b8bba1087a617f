/**
 * Everything that fast-check generates in a run of the tests depends on this number alone. jest.config.js draws it
 * unless `TEST_SEED` gives it, and a run that fails tells it.
 */
export const seed = Number(process.env['TEST_SEED']);
