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

/** At a terminal it is one line, which is drawn again and again; otherwise a line every five seconds. */
export const createProgress = (stream: NodeJS.WriteStream = process.stderr): Progress => {
  let toldAt = performance.now();
  const erase = (): void => {
    if (stream.isTTY) stream.write('\r\x1b[2K');
  };
  const tell = (sentence: string): void => {
    const now = performance.now();
    if (now - toldAt < (stream.isTTY ? redrawEveryMs : lineEveryMs)) return;
    toldAt = now;
    erase();
    stream.write(stream.isTTY ? sentence : `${sentence}\n`);
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
