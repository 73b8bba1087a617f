/** One guard of the vault, weakened, and the test that must not let it pass. */
export type Mutant = {
  /** What the vault would do. */
  readonly name: string;
  readonly file: string;
  /** Text that stands in the file once, and what it becomes: still a program that passes `tsc`. */
  readonly from: string;
  readonly to: string;
  /** Below `test/`, without `.test.ts`; and the beginning of the sentence that must turn red. */
  readonly test: string;
  readonly sentence: string;
};
