/**
 * All inputs that fast-check generates in a run of the tests depend on this number alone. jest.config.js draws it
 * unless `TEST_SEED` gives it, and a failed run prints it.
 */
export const seed = Number(process.env['TEST_SEED']);
