/** Hooks with which views send requests and track whether they are still waiting. */
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { Refusal } from './session.ts';

export type QueryState<Result> = {
  /** The last result. It stays while the next request is running. */
  readonly result: Result | undefined;
  readonly refusal: Refusal | undefined;
  readonly isWaiting: boolean;
  /**
   * Repeats the request. The promise resolves when it has been answered, or when the view is left.
   */
  readonly again: () => Promise<void>;
};

/**
 * Sends a request when the view appears, and again when `inputs` change, which aborts the earlier
 * request.
 */
export const useQuery = <Result>(
  question: (signal: AbortSignal) => Promise<Result>,
  inputs: readonly unknown[],
): QueryState<Result> => {
  const [state, setState] = useState<Omit<QueryState<Result>, 'again'>>(waiting);
  const [round, setRound] = useState(0);
  const waiters = useRef<(() => void)[]>([]);
  useEffect(() => {
    const left = new AbortController();
    const waited = waiters.current.splice(0);
    const end = () => {
      for (const tell of waited) tell();
    };
    setState((old) => ({ ...old, isWaiting: true }));
    question(left.signal)
      .then(
        (result) =>
          !left.signal.aborted && setState({ result, refusal: undefined, isWaiting: false }),
        (error) =>
          !left.signal.aborted &&
          setState((old) => ({ ...old, refusal: refusalOf(error), isWaiting: false })),
      )
      .finally(end);
    return () => left.abort();
  }, [...inputs, round]);
  const again = useCallback(
    () =>
      new Promise<void>((resolve) => {
        waiters.current.push(resolve);
        setRound((old) => old + 1);
      }),
    [],
  );
  return { ...state, again };
};

const waiting = { result: undefined, refusal: undefined, isWaiting: true };

/**
 * Sends a request when the view appears, and again `everyMs` after each answer while the page is
 * visible.
 */
export const usePolling = <Result>(
  question: (signal: AbortSignal) => Promise<Result>,
  everyMs: number,
): QueryState<Result> => {
  const query = useQuery(question, []);
  const { result, refusal, isWaiting, again } = query;
  useEffect(() => {
    if (isWaiting) return;
    const askIfSeen = () => {
      if (!document.hidden) void again();
    };
    const timer = setTimeout(askIfSeen, everyMs);
    document.addEventListener('visibilitychange', askIfSeen);
    return () => {
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', askIfSeen);
    };
  }, [result, refusal, isWaiting]);
  return query;
};

export type ActionState = {
  /** Starts the work. Does nothing while earlier work is still running. */
  readonly begin: (work: (signal: AbortSignal) => Promise<void>) => void;
  readonly cancel: () => void;
  readonly isBusy: boolean;
  readonly refusal: Refusal | undefined;
};

/** Runs one action at a time, which the person can cancel. */
export const useAction = (): ActionState => {
  const left = useRef<AbortController | undefined>(undefined);
  const [isBusy, setBusy] = useState(false);
  const [refusal, setRefusal] = useState<Refusal>();
  const begin = (work: (signal: AbortSignal) => Promise<void>): void => {
    if (left.current !== undefined) return;
    const own = new AbortController();
    left.current = own;
    setBusy(true);
    setRefusal(undefined);
    work(own.signal)
      .catch((error) => !own.signal.aborted && setRefusal(refusalOf(error)))
      .finally(() => {
        left.current = undefined;
        setBusy(false);
      });
  };
  return { begin, cancel: () => left.current?.abort(), isBusy, refusal };
};

/** Turns any error into a refusal that the page can show. */
export const refusalOf = (error: unknown): Refusal =>
  error instanceof Refusal ? error : new Refusal({ code: 'internal', detail: String(error) });
