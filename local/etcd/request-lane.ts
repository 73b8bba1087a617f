/**
 * A lane sends requests to etcd in groups. The cost of a call hardly depends on the number of its requests, so one call
 * of a lane is in flight, and requests that arrive meanwhile go together in the next one.
 */

import { etcdTimes } from './etcd-times.ts';

/** The request has no effect and never will. */
export type NotSent = Error & { readonly isNotSent: true };

export const notSent = (message: string, cause?: unknown): NotSent =>
  Object.assign(new Error(message, { cause }), { isNotSent: true as const });
export const isNotSent = (error: unknown): error is NotSent =>
  error instanceof Error && 'isNotSent' in error;

export type WaitingRequest<Request, Result> = {
  readonly request: Request;
  /** In the time of `performance.now()`. */
  readonly deadline: number;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
};

/** Requests that leave in one call: one at least. */
export type Group<Request, Result> = readonly [
  WaitingRequest<Request, Result>,
  ...(readonly WaitingRequest<Request, Result>[]),
];

export type LaneOptions<Request, Result> = {
  /** Returns a function that says of one request after the other, in the order of arrival, whether it joins the group. */
  readonly startGroup: () => (request: Request) => boolean;
  /** Makes one call of the group, and settles all its requests. Must not reject. */
  readonly send: (group: Group<Request, Result>) => Promise<void>;
  /** Shared by the lanes of a node. */
  readonly overlap: Overlap;
};

/** The calls of a lane in flight. A single call is an economy and no guard, so a call that hangs is overtaken. */
const callsMax = 8;

/**
 * Returns a function that settles as `send` settles the request, or rejects with `NotSent` if the request has not left by
 * its deadline.
 */
export const createLane = <Request, Result>({
  startGroup,
  send,
  overlap,
}: LaneOptions<Request, Result>): ((request: Request, deadline: number) => Promise<Result>) => {
  /** In the order of arrival, each with the timer of its deadline. */
  const waiting = new Map<WaitingRequest<Request, Result>, NodeJS.Timeout>();
  let inFlight = 0;
  let overtaken = 0;
  let isGathering = false;

  const wait = (request: Request, deadline: number): Promise<Result> =>
    new Promise((resolve, reject) => {
      const one = { request, deadline, resolve, reject };
      const expire = () => {
        waiting.delete(one);
        reject(notSent('etcd did not take the request in time'));
      };
      waiting.set(one, setTimeout(expire, Math.max(0, deadline - performance.now())));
    });

  const takeGroup = (): readonly WaitingRequest<Request, Result>[] => {
    const joins = startGroup();
    const group = [...waiting.keys()].filter(({ request }) => joins(request));
    for (const one of group) {
      clearTimeout(waiting.get(one));
      waiting.delete(one);
    }
    return group;
  };

  /** Sends the next group, unless a call is in flight that no later one may overtake yet. */
  const depart = (): void => {
    if (inFlight > overtaken || inFlight === callsMax) return;
    const [first, ...others] = takeGroup();
    if (first === undefined) return;
    inFlight += 1;
    let isOvertaken = false;
    const timer = setTimeout(() => {
      isOvertaken = true;
      overtaken += 1;
      depart();
    }, etcdTimes.overtakeMs);
    void send([first, ...others]).then(() => {
      clearTimeout(timer);
      inFlight -= 1;
      if (isOvertaken) overtaken -= 1;
      depart();
    });
  };

  /** A request that is likely to have company waits for it a moment. A lone client never waits. */
  const departSoon = (): void => {
    if (isGathering) return;
    if (!overlap.isRecent()) {
      depart();
      return;
    }
    isGathering = true;
    setTimeout(() => {
      isGathering = false;
      depart();
    }, etcdTimes.gatherMs);
  };

  return (request, deadline) => {
    const result = wait(request, deadline);
    departSoon();
    return overlap.during(result);
  };
};

/** Whether requests overlap, as those of several clients do. */
export type Overlap = {
  /** Counts a request until it settles. */
  readonly during: <Result>(request: Promise<Result>) => Promise<Result>;
  /** Whether two requests were under way at once within the last `etcdTimes.overlapMs`. */
  readonly isRecent: () => boolean;
};

export const createOverlap = (): Overlap => {
  let underWay = 0;
  let overlappedAt = Number.NEGATIVE_INFINITY;
  const note = (): void => {
    if (underWay > 1) overlappedAt = performance.now();
  };
  return {
    during: async (request) => {
      underWay += 1;
      note();
      try {
        return await request;
      } finally {
        note();
        underWay -= 1;
      }
    },
    isRecent: () => performance.now() - overlappedAt < etcdTimes.overlapMs,
  };
};
