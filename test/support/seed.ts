/**
 * All inputs that fast-check generates in a test run depend only on this number. jest.config.js
 * draws it unless `TEST_SEED` sets it, and prints it when a run fails.
 */
export const seed = Number(process.env['TEST_SEED']);
