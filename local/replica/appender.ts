/**
 * Appends the writes of a node: what comes while an append is under way waits for it, and then goes into the log as one
 * entry, as far as it may share a transaction. So an idle node asks the log at once, and a busy one once for many writes.
 */
import { countTogether, type Tables } from './batch.ts';
import type { Log } from './log.ts';
import type { Write } from './write.ts';

/**
 * Resolves when the write is in the log. Throws what the log throws. `bytes`: of the request. `isWanted`: whether anybody
 * waits for it still; a write that nobody waits for any more when its turn comes is not sent, and never settles.
 */
export type Append = (write: Write, bytes: number, isWanted: () => boolean) => Promise<void>;

type Waiting = {
  readonly writes: readonly [Write];
  readonly bytes: number;
  readonly isWanted: () => boolean;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
};

/** An append that takes longer than this holds up no others: its answer may never come. */
const patienceMs = 50;

/** `tables` tells the key attributes of the tables that this node knows by now. */
export const createAppender = (log: Pick<Log, 'append'>, tables: () => Tables): Append => {
  let waiting: readonly Waiting[] = [];
  let underWay: Promise<void> | undefined;

  const sendNext = (): void => {
    waiting = waiting.filter(({ isWanted }) => isWanted());
    const together = waiting.slice(0, countTogether(waiting, tables()));
    waiting = waiting.slice(together.length);
    underWay = together.length > 0 ? send(together) : undefined;
  };
  const send = (together: readonly Waiting[]): Promise<void> => {
    const sent = log.append(together.flatMap(({ writes }) => writes));
    const goOn = (): void => {
      if (underWay === sent) sendNext();
    };
    const timer = setTimeout(goOn, patienceMs);
    const settle = (tell: (one: Waiting) => void): void => {
      clearTimeout(timer);
      for (const one of together) tell(one);
      goOn();
    };
    sent.then(
      () => settle(({ resolve }) => resolve()),
      (error: unknown) => settle(({ reject }) => reject(error)),
    );
    return sent;
  };

  return (write, bytes, isWanted) =>
    new Promise((resolve, reject) => {
      waiting = [...waiting, { writes: [write], bytes, isWanted, resolve, reject }];
      if (underWay === undefined) sendNext();
    });
};
