/** An amount that many holders share. Beyond it the oldest holder that can let go must let go. */

export type Holder = {
  /** Takes more of the budget. Other holders, or this one, may be asked to let go before this returns. */
  readonly take: (amount: number) => void;
  /** From now on this holder cannot let go. */
  readonly pin: () => void;
  /** From now on this holder can let go, and counts as the youngest. */
  readonly renew: () => void;
  /** Gives everything back. Nothing can be taken afterwards. */
  readonly release: () => void;
};

export type Budget = {
  /** Opens a holder of nothing. `letGo` is called at most once, after its amount was given back. */
  readonly hold: (letGo: () => void) => Holder;
};

type State = { amount: number; isPinned: boolean; readonly letGo: () => void };

/** Together the holders keep at most `max`, unless those that are pinned have more. */
export const createBudget = (max: number): Budget => {
  /** The oldest first. */
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
