/**
 * The test writes of the console: their names, and the outcomes of them by the second, for a graph of the
 * last two minutes. The page imports this file, so it imports nothing.
 */

/** A tenant of their own keeps test writes apart from all secrets. */
export const testTenant = 'console-test';

/** The one secret that is written on a node. */
export const testSecretOf = (node: number): string => `CONSOLE_TEST_${node}`;

/**
 * `refused`: the vault has certainly not done it. `unclear`: the answer was lost, so that the vault may have
 * done it.
 */
export type Outcome = 'acknowledged' | 'refused' | 'unclear';
export type Rate = Readonly<Record<Outcome, number>>;

export const secondsShown = 120;

export type Rates = {
  readonly count: (outcome: Outcome, atMs: number) => void;
  /** The rates of the last two minutes, the oldest first, without the second that is not over. */
  readonly until: (nowMs: number) => readonly Rate[];
};

const none: Rate = { acknowledged: 0, refused: 0, unclear: 0 };

/** Keeps no more than the last two minutes: a second takes the slot of one that is older. */
export const createRates = (): Rates => {
  const slots = new Map<number, { readonly second: number; readonly rate: Rate }>();
  const rateAt = (second: number): Rate => {
    const slot = slots.get(second % slotCount);
    return slot?.second === second ? slot.rate : none;
  };
  return {
    count: (outcome, atMs) => {
      const second = secondOf(atMs);
      const rate = rateAt(second);
      slots.set(second % slotCount, { second, rate: { ...rate, [outcome]: rate[outcome] + 1 } });
    },
    until: (nowMs) => {
      const first = secondOf(nowMs) - secondsShown;
      return Array.from({ length: secondsShown }, (_, index) => rateAt(first + index));
    },
  };
};

/** One more for the second that is not over. */
const slotCount = secondsShown + 1;

const secondOf = (ms: number): number => Math.floor(ms / 1_000);

/** An answer to a write, or the fault in its stead. `code` is the vault's, or that of the system. */
export type WriteReply = { readonly status: number | null; readonly code: string };

/** The codes of the system for a connection that was never made. */
const neverSent = ['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'ENOTFOUND'];

/** A fault of the vault before it writes has a code of its own; any other fault may come after the write. */
const certainFaults = [
  ...['store_unavailable', 'master_key_unavailable', 'master_key_incorrect'],
  ...['identity_unavailable', 'throttled'],
];

export const outcomeOf = ({ status, code }: WriteReply): Outcome => {
  if (status === null) return neverSent.includes(code) ? 'refused' : 'unclear';
  if (status < 300) return 'acknowledged';
  return status < 500 || certainFaults.includes(code) ? 'refused' : 'unclear';
};
