/** Requests that wait to be sent. One whose deadline comes first leaves the queue and is known to have no effect. */

/** The request has no effect and never will. */
export type NotSent = Error & { readonly isNotSent: true };

export const notSent = (message: string, cause?: unknown): NotSent =>
  Object.assign(new Error(message, { cause }), { isNotSent: true as const });
export const isNotSent = (error: unknown): error is NotSent =>
  error instanceof Error && 'isNotSent' in error;

export type Waiting<Request, Result> = {
  readonly request: Request;
  /** In the time of `performance.now()`. */
  readonly deadline: number;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
};

export type Queue<Request, Result> = {
  readonly size: () => number;
  /** Resolves or rejects as its sender says. Rejects with `NotSent` if nobody takes the request by its deadline. */
  readonly add: (request: Request, deadline: number) => Promise<Result>;
  /** Takes out, in the order of arrival, the requests for which `fits` says so. */
  readonly take: (fits: (request: Request) => boolean) => readonly Waiting<Request, Result>[];
};

export const createQueue = <Request, Result>(): Queue<Request, Result> => {
  const waiting = new Map<Waiting<Request, Result>, NodeJS.Timeout>();
  return {
    size: () => waiting.size,
    add: (request, deadline) =>
      new Promise((resolve, reject) => {
        const one = { request, deadline, resolve, reject };
        const expire = () => {
          waiting.delete(one);
          reject(notSent('etcd did not take the request in time'));
        };
        waiting.set(one, setTimeout(expire, Math.max(0, deadline - performance.now())));
      }),
    take: (fits) => {
      const taken = [...waiting.keys()].filter(({ request }) => fits(request));
      for (const one of taken) {
        clearTimeout(waiting.get(one));
        waiting.delete(one);
      }
      return taken;
    },
  };
};

/** The latest deadline of requests that are sent together. */
export const latestOf = (group: readonly { readonly deadline: number }[]): number =>
  Math.max(...group.map(({ deadline }) => deadline));
