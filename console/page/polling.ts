/** A hook for views that show how something changes. */
import { useEffect, useState } from 'preact/hooks';
import { type QueryState, refusalOf } from './asking.ts';

type PollState<Result> = Omit<QueryState<Result>, 'again'> & { readonly again: () => void };

/**
 * Asks again and again, `everyMs` after each answer, while a person can see the page. The last result stays
 * while an answer is refused.
 */
export const usePolling = <Result>(
  question: (signal: AbortSignal) => Promise<Result>,
  everyMs: number,
): PollState<Result> => {
  const [state, setState] = useState<Omit<PollState<Result>, 'again'>>({
    result: undefined,
    refusal: undefined,
    isWaiting: true,
  });
  const [round, setRound] = useState(0);
  useEffect(() => {
    const left = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let isAsking = false;
    const ask = async (): Promise<void> => {
      timer = undefined;
      if (document.hidden || isAsking) return;
      isAsking = true;
      try {
        const result = await question(left.signal);
        if (left.signal.aborted) return;
        setState({ result, refusal: undefined, isWaiting: false });
      } catch (error) {
        if (left.signal.aborted) return;
        setState((old) => ({ ...old, refusal: refusalOf(error), isWaiting: false }));
      } finally {
        isAsking = false;
      }
      timer = setTimeout(ask, everyMs);
    };
    const seen = (): void => {
      if (!document.hidden && timer === undefined) void ask();
    };
    document.addEventListener('visibilitychange', seen);
    void ask();
    return () => {
      left.abort();
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', seen);
    };
  }, [round]);
  return { ...state, again: () => setRound((old) => old + 1) };
};
