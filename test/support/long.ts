/** The first number for every run, the second for a run with `--long`, which may take hours. */
export const perRun = (usual: number, long: number): number =>
  process.env['TEST_LONG'] ? long : usual;
