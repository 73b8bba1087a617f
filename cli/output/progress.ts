/**
 * Shows a line at a terminal that says how long `dsvault` has waited for the vault, after the first
 * second.
 */
import { drawLine, eraseLine, isDrawing, wantsJson } from './output.ts';

const silentMs = 1_000;
const drawEveryMs = 250;

let isOver = false;
let firstAt: number | undefined;
let answers = 0;

/**
 * Stops drawing for good. Call this before another program uses the terminal, or when nobody at the
 * terminal waits for the requests any more, as in `console`, whose page shows them.
 */
export const endProgress = (): void => {
  isOver = true;
};

/**
 * Performs a request, and says at a terminal if it takes long. The line disappears when the request
 * is done.
 */
export const withProgress = async <Result>(request: () => Promise<Result>): Promise<Result> => {
  const isSeen = isDrawing(process.stderr) && !wantsJson();
  if (!isSeen || isOver) return await request();
  firstAt ??= performance.now();
  const begin = firstAt;
  const draw = (): void => {
    const waitedMs = performance.now() - begin;
    if (isOver || waitedMs < silentMs) return;
    const so = answers === 0 ? '' : `, ${answers} ${answers === 1 ? 'answer' : 'answers'} so far`;
    drawLine(`dsvault: waiting for the vault, ${Math.floor(waitedMs / 1_000)} s${so}`);
  };
  const timer = setInterval(draw, drawEveryMs);
  draw();
  try {
    return await request();
  } finally {
    clearInterval(timer);
    eraseLine();
    answers += 1;
  }
};
