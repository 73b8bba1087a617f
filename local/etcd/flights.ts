/**
 * The calls of one kind in flight to etcd. Normally that is one call, so that requests that arrive meanwhile go together
 * in the next. This is an economy and no guard: after a leader's death a call can hang for seconds while new ones are
 * answered, so a call without a reply for 250 ms no longer holds up the next. At most eight are in flight.
 */
const overtakeAfterMs = 250;
const callsMax = 8;

export type Flights = {
  /** Whether the next call may be sent now. */
  readonly isFree: () => boolean;
  /** Counts a call that is sent now. `call` must not reject. */
  readonly send: (call: Promise<void>) => void;
};

/** `onFree` is called each time that the next call may be sent again. */
export const createFlights = (onFree: () => void): Flights => {
  let inFlight = 0;
  let overtaken = 0;
  return {
    isFree: () => inFlight <= overtaken && inFlight < callsMax,
    send: (call) => {
      inFlight += 1;
      let isOvertaken = false;
      const timer = setTimeout(() => {
        isOvertaken = true;
        overtaken += 1;
        onFree();
      }, overtakeAfterMs);
      void call.then(() => {
        clearTimeout(timer);
        inFlight -= 1;
        if (isOvertaken) overtaken -= 1;
        onFree();
      });
    },
  };
};
