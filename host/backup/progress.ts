/** Shows on stderr how far a long operation is. */

const redrawEveryMs = 200;
const lineEveryMs = 5_000;

const counted = (count: number): string => count.toLocaleString('en-US');

export type Progress = {
  /**
   * Shows the sentence, unless another one was shown a moment ago: then this sentence is skipped.
   */
  readonly tell: (sentence: string) => void;
  /**
   * Returns a function to call with the number of further items that are done. It shows the sum so
   * far, and `total` if given. `verb` says what was done with them, for example `wrote`.
   */
  readonly counter: (verb: string, total?: number) => (count: number) => void;
  /** Clears the line at a terminal. */
  readonly end: () => void;
};

type Output = Pick<NodeJS.WriteStream, 'isTTY'> & { readonly write: (text: string) => unknown };

/**
 * A terminal gets one line that is updated; anything else gets a line every five seconds. `now` is
 * in milliseconds.
 */
export const createProgress = (
  stream: Output = process.stderr,
  term = process.env['TERM'],
  now: () => number = () => performance.now(),
): Progress => {
  let toldAt = now();
  const isDrawn = stream.isTTY && term !== 'dumb';
  const erase = (): void => {
    if (isDrawn) stream.write('\r\x1b[2K');
  };
  const tell = (sentence: string): void => {
    const at = now();
    if (at - toldAt < (isDrawn ? redrawEveryMs : lineEveryMs)) return;
    toldAt = at;
    erase();
    stream.write(isDrawn ? sentence : `${sentence}\n`);
  };
  return {
    tell,
    counter: (verb, total) => {
      const ofAll = total === undefined ? '' : ` of ${counted(total)}`;
      let done = 0;
      return (count) => {
        done += count;
        tell(`${verb} ${counted(done)}${ofAll} items`);
      };
    },
    end: erase,
  };
};
