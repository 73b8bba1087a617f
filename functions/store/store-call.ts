/** Makes one call of a request to its store, whichever store that is. */
import type { RequestContext } from '../vault/request.ts';

export type Counted<Result> = { readonly result: Result; readonly units: number };

/**
 * Makes the call, measures its time, and reports it to the journal. A failed call reports no units.
 */
export const callStore = async <Result>(
  { storeTime, journal }: RequestContext,
  name: string,
  call: () => Promise<Counted<Result>>,
): Promise<Result> => {
  let units = 0;
  try {
    const done = await storeTime.during(call);
    units = done.units;
    return done.result;
  } finally {
    journal.called('store', name, units);
  }
};

/** Rejects when the signal aborts, to be raced against work that ignores the signal. */
export const whenAborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason));
  });
