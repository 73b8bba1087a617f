/** Tells a person on stderr how far a long work is. */

const redrawEveryMs = 200;
const lineEveryMs = 5_000;

const counted = (count: number): string => count.toLocaleString('en-US');

export type Progress = {
  /** Shows the sentence, unless another one was shown just now. */
  readonly tell: (sentence: string) => void;
  /** A counter that is given the number of items since its last call. `verb`: `wrote`. */
  readonly counter: (verb: string, total?: number) => (count: number) => void;
  /** Takes the line from the terminal. */
  readonly end: () => void;
};

type Output = Pick<NodeJS.WriteStream, 'isTTY'> & { readonly write: (text: string) => unknown };

/**
 * At a terminal that draws, it is one line, which is drawn again and again; otherwise a line every five seconds. `now` is
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
