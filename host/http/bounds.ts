/**
 * The limits of one port in bytes and milliseconds, with their reasons, and the budgets for what a
 * port holds. If the holders of a budget together exceed its maximum, the oldest one that is not
 * pinned is evicted.
 */
export const bounds = {
  /**
   * The maximum number of connections: fifty clients with twenty each. Their headers alone may be
   * 64 MiB.
   */
  connectionsMax: 1_000,
  /**
   * How many requests may wait on one connection. Few clients send a request before the previous
   * one is answered, and a waiting request costs some KB.
   */
  waitingRequestsMax: 16,
  /**
   * The maximum length of all headers of a request. It is several times a token of 8 KiB plus all
   * other headers that a request may carry.
   */
  headerBytesMax: 65_536,
  /** The maximum number of headers of a request. Proxies add some twenty to those of a client. */
  headersMax: 100,
  /**
   * The maximum number of query parameters. No route has more than five, but up to this number the
   * route itself answers and says that it does not know one.
   */
  queryParametersMax: 100,
  /**
   * The maximum length of all request bodies that one port holds together until their requests are
   * answered: 64 bodies of the maximum size.
   */
  bodyBytesHeldMax: 64 * 1_048_576,
  /**
   * The maximum length of all replies that one port holds together until clients have read them: 32
   * replies of the maximum size.
   */
  replyBytesHeldMax: 128 * 1_048_576,
  /**
   * The time in which all headers of a request must arrive. They come in one piece, or in a few.
   */
  headersMs: 10_000,
  /**
   * The time in which a whole request must arrive. The largest body takes this long at 280 kbit/s.
   */
  requestMs: 30_000,
  /**
   * The time in which the client must read a reply. The largest reply takes this long at 1.1
   * Mbit/s.
   */
  replyMs: 30_000,
  /**
   * How long an idle connection is kept open. Clients reuse a connection within a minute, or open
   * another one.
   */
  idleMs: 60_000,
  /** How often the server checks whether headers or requests have taken too long. */
  checkEveryMs: 1_000,
  /**
   * After a request is refused, its sender has this time to send the rest and to read the answer.
   */
  lingerMs: 5_000,
} as const;

/**
 * How often the files of a certificate are read again, and when the log begins to warn before it
 * expires.
 */
export const certificateTimes = {
  /**
   * How often the files are checked. A new certificate and key are served after two checks found
   * the same, that is within 20 s.
   */
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
  /** Gives everything back. Afterwards the holder can take nothing. */
  readonly release: () => void;
};

export type Budget = {
  /**
   * Creates a holder that holds nothing yet. `letGo` is called at most once, when the holder is
   * evicted and its amount was given back.
   */
  readonly hold: (letGo: () => void) => Holder;
};

type State = { amount: number; isPinned: boolean; readonly letGo: () => void };

/**
 * Creates a budget whose holders together hold at most `max`, unless the pinned ones alone hold
 * more.
 */
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
