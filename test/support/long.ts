/**
 * Returns the first number in an ordinary run, and the second in a run with `--long`, which may
 * take hours.
 */
export const perRun = (usual: number, long: number): number =>
  process.env['TEST_LONG'] ? long : usual;
