/** Prints the story: scenes, and their checks and notes. */
import { isVaultError } from '../../client/index.ts';

export type Telling = ReturnType<typeof createTelling>;

/** Creates the printer of the story. `say` is called with one line at a time. */
export const createTelling = (say: (line: string) => void) => {
  const begun = performance.now();
  let [scenes, checks, failed] = [0, 0, 0];
  const seconds = (digits: number) => ((performance.now() - begun) / 1000).toFixed(digits);
  /** Prints a check and its result. The story goes on either way. */
  const check = (claim: string, isTrue: boolean): void => {
    checks += 1;
    if (!isTrue) failed += 1;
    say(`    ${isTrue ? 'ok    ' : 'FAILED'}  ${claim}`);
  };
  return {
    check,
    note: (text: string): void => say(`            ${text}`),
    /** Plays a scene. It ends early, as a failed check, if the vault refuses what it asks for. */
    scene: async (title: string, play: () => Promise<void>): Promise<void> => {
      scenes += 1;
      say(`\n${String(scenes).padStart(2)}. ${title}  [${seconds(1)} s]`);
      await play().catch((error: unknown) => {
        if (!isVaultError(error)) throw error;
        check(`the vault refused a request: ${error.code}, ${error.message}`, false);
      });
    },
    /** Prints the end, and returns whether all checks passed. */
    end: (): boolean => {
      const result = failed === 0 ? 'all passed' : `${failed} FAILED`;
      say(`\n${checks} checks, ${result}, in ${seconds(0)} s`);
      return failed === 0;
    },
  };
};
