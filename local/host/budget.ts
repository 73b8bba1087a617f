/**
 * An amount that many holders share. If they hold more than the maximum, the oldest holder that is not pinned is
 * evicted.
 */

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
