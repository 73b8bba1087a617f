/** Hooks with which views ask the vault, and show what they wait for. */
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { Refusal } from './session.ts';

export type QueryState<Result> = {
  /** The last result, kept while the next is asked for. */
  readonly result: Result | undefined;
  readonly refusal: Refusal | undefined;
  readonly isWaiting: boolean;
  /** Asks again. The promise ends when there is an answer, or when the view is left. */
  readonly again: () => Promise<void>;
};

/** Asks when the view appears, and again when `inputs` change, which ends an earlier question. */
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

/** Asks when the view appears, and `everyMs` after each answer while a person can see the page. */
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
  /** Begins the work, unless other work runs. */
  readonly begin: (work: (signal: AbortSignal) => Promise<void>) => void;
  readonly cancel: () => void;
  readonly isBusy: boolean;
  readonly refusal: Refusal | undefined;
};

/** One action of a person at a time, which they can give up. */
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

/** Any error as a refusal that can be shown. */
export const refusalOf = (error: unknown): Refusal =>
  error instanceof Refusal ? error : new Refusal({ code: 'internal', detail: String(error) });
