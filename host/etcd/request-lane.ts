/**
 * A lane sends requests to etcd in groups. A call costs about the same for one request as for many,
 * so a lane normally has one call in flight, and requests that arrive meanwhile share the next one.
 */

import { NotSent } from '../../functions/store/ports.ts';
import { etcdTimes } from './etcd-times.ts';

export type WaitingRequest<Request, Result> = {
  readonly request: Request;
  /** In the time of `performance.now()`. */
  readonly deadline: number;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
};

/** The requests that share a call; at least one. */
export type Group<Request, Result> = readonly [
  WaitingRequest<Request, Result>,
  ...(readonly WaitingRequest<Request, Result>[]),
];

export type LaneOptions<Request, Result> = {
  /**
   * Returns a function that receives requests in the order of arrival, and says of each whether it
   * joins the group.
   */
  readonly startGroup: () => (request: Request) => boolean;
  /** Makes one call for the group, and settles all of its requests. Must not reject. */
  readonly send: (group: Group<Request, Result>) => Promise<void>;
  /**
   * Knows whether requests of several clients overlap. The lanes for reads and for writes share it.
   */
  readonly overlap: Overlap;
};

/**
 * The maximum number of calls in flight per lane. Normally there is one, only to save calls. If it
 * takes longer than `etcdTimes.overtakeMs`, the lane sends the next one without waiting for it.
 */
const callsMax = 8;

/**
 * Creates a lane, which is a function that sends a request and returns its result. The promise
 * settles as `send` settles that request, or rejects with `NotSent` if the request was not sent by
 * its deadline.
 */
export const createLane = <Request, Result>({
  startGroup,
  send,
  overlap,
}: LaneOptions<Request, Result>): ((request: Request, deadline: number) => Promise<Result>) => {
  /**
   * The requests that wait to be sent, in the order of arrival, each with the timer for its
   * deadline.
   */
  const waiting = new Map<WaitingRequest<Request, Result>, NodeJS.Timeout>();
  let inFlight = 0;
  let overtaken = 0;
  let isGathering = false;

  const wait = (request: Request, deadline: number): Promise<Result> =>
    new Promise((resolve, reject) => {
      const one = { request, deadline, resolve, reject };
      const expire = () => {
        waiting.delete(one);
        const cause = new Error('etcd did not take the request in time');
        reject(new NotSent('unavailable', { cause }));
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

  /** Sends the next group, unless a call is in flight that may not be overtaken yet. */
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

  /**
   * If other requests are likely to arrive, this one waits a moment for them. A single client never
   * waits.
   */
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

/** Detects whether requests overlap, as those of several clients do. */
export type Overlap = {
  /** Counts a request until it settles. */
  readonly during: <Result>(request: Promise<Result>) => Promise<Result>;
  /** Whether two requests were in flight at the same time within the last `etcdTimes.overlapMs`. */
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
