/**
 * The limits of one port, each with its reason, in bytes and milliseconds; and the budgets for what a port holds. If the
 * holders of a budget hold more than its maximum, the oldest one that is not pinned is evicted.
 */
export const bounds = {
  /** Fifty clients of twenty connections each; their headers alone may be 64 MiB. */
  connectionsMax: 1_000,
  /** Few clients send a request before the last was answered. A waiting request costs some KB. */
  waitingRequestsMax: 16,
  /** This is several times a token of 8 KiB and all other headers that a request may carry. */
  headerBytesMax: 65_536,
  /** Proxies add some twenty headers to those of a client. */
  headersMax: 100,
  /** No route knows more than four parameters. The function names the unknown ones of a short query. */
  queryParametersMax: 100,
  /** Holds for all bodies of one port together, until their requests are answered: 64 bodies of the largest kind. */
  bodyBytesHeldMax: 64 * 1_048_576,
  /** Holds for all replies of one port together, until they are read: 32 replies of the largest kind. */
  replyBytesHeldMax: 128 * 1_048_576,
  /** Headers come in one piece, or in a few. */
  headersMs: 10_000,
  /** The largest body arrives in this time at 280 kbit/s. */
  requestMs: 30_000,
  /** The largest reply is read in this time at 1.1 Mbit/s. */
  replyMs: 30_000,
  /** Clients use a connection again within a minute, or open another one. */
  idleMs: 60_000,
  /** The interval at which the times of headers and requests are checked. */
  checkEveryMs: 1_000,
  /** After a request is refused, its sender has this time to send the rest and to read the answer. */
  lingerMs: 5_000,
} as const;

/** When the files of a served certificate are read again, and when the log warns of its end. */
export const certificateTimes = {
  /** A new pair is served after two looks, so within 20 s. */
  lookEveryMs: 10_000,
  warnBeforeMs: 14 * 86_400_000,
  warnEveryMs: 86_400_000,
} as const;

export type Bounds = { readonly [Name in keyof typeof bounds]: number };

export type Holder = {
  /** Takes more of the budget. Other holders, or this one, may be evicted before this returns. */
  readonly take: (amount: number) => void;
  /** From now on this holder cannot be evicted. */
  readonly pin: () => void;
  /** From now on this holder can be evicted again, and counts as the youngest. */
  readonly renew: () => void;
  /** Gives everything back. The holder can take nothing afterwards. */
  readonly release: () => void;
};

export type Budget = {
  /**
   * Creates a holder that holds nothing yet. `letGo` is called at most once, when the holder is evicted and its amount
   * was given back.
   */
  readonly hold: (letGo: () => void) => Holder;
};

type State = { amount: number; isPinned: boolean; readonly letGo: () => void };

/** Creates a budget whose holders together hold at most `max`, unless the pinned ones alone hold more. */
export const createBudget = (max: number): Budget => {
  /** The holders in order of age, the oldest first. */
  const holders = new Set<State>();
  let held = 0;
  const release = (holder: State): void => {
    if (holders.delete(holder)) held -= holder.amount;
  };
  const makeRoom = (): void => {
    for (const holder of holders) {
      if (held <= max) return;
      if (holder.isPinned || holder.amount === 0) continue;
      release(holder);
      holder.letGo();
    }
  };
  return {
    hold: (letGo) => {
      const holder: State = { amount: 0, isPinned: false, letGo };
      holders.add(holder);
      return {
        take: (amount) => {
          if (!holders.has(holder)) return;
          holder.amount += amount;
          held += amount;
          makeRoom();
        },
        pin: () => {
          holder.isPinned = true;
        },
        renew: () => {
          if (!holders.delete(holder)) return;
          holder.isPinned = false;
          holders.add(holder);
        },
        release: () => release(holder),
      };
    },
  };
};
