/** A mutant weakens one guard of the vault. The named test must fail on it. */
export type Mutant = {
  /** The wrong behaviour of the vault. */
  readonly name: string;
  readonly file: string;
  /** A text that occurs once in the file, and its replacement, which still passes `tsc`. */
  readonly from: string;
  readonly to: string;
  /** The path below `test/`, without `.test.ts`, and a part of the title of the test that must fail. */
  readonly test: string;
  readonly sentence: string;
};
