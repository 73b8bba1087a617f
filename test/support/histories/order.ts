/** Collects which events came before which others, and finds contradictions. */

export type Order = {
  /** An event `undefined` is ignored. */
  readonly before: (earlier: number | undefined, later: number | undefined) => void;
  /** The event happened at some instant from `began` to `ended`. */
  readonly lasts: (event: number, began: number, ended: number) => void;
  /** Some events that would have to come before themselves, or after such an event; empty if there are none. */
  readonly findCircle: () => readonly number[];
};

/** An order of the events numbered from 0 to `events`. */
export const createOrder = (events: number): Order => {
  const after: number[][] = Array.from({ length: events }, () => []);
  const spans: { readonly event: number; readonly began: number; readonly ended: number }[] = [];
  const before: Order['before'] = (earlier, later) => {
    if (earlier !== undefined && later !== undefined && earlier !== later)
      after[earlier]?.push(later);
  };
  /** An event that ended before another began comes first. The instants between them are events too. */
  const orderByTime = (): void => {
    const ends = [...new Set(spans.map(({ ended }) => ended))]
      .filter(Number.isFinite)
      .sort((a, b) => a - b);
    const instants = new Map(ends.map((end, index) => [end, events + index]));
    for (const end of ends) after[instants.get(end) ?? 0] = [];
    for (const [index] of ends.entries()) {
      if (index > 0) before(events + index - 1, events + index);
    }
    for (const { event, began, ended } of spans) {
      before(event, instants.get(ended));
      const past = countBelow(ends, began);
      if (past > 0) before(events + past - 1, event);
    }
  };
  return {
    before,
    lasts: (event, began, ended) => void spans.push({ event, began, ended }),
    findCircle: () => {
      orderByTime();
      const waitsFor = after.map(() => 0);
      for (const later of after.flat()) waitsFor[later] = (waitsFor[later] ?? 0) + 1;
      const free = [...after.keys()].filter((event) => waitsFor[event] === 0);
      for (let event = free.pop(); event !== undefined; event = free.pop()) {
        for (const later of after[event] ?? []) {
          waitsFor[later] = (waitsFor[later] ?? 0) - 1;
          if (waitsFor[later] === 0) free.push(later);
        }
      }
      return waitsFor
        .flatMap((left, event) => (left > 0 && event < events ? [event] : []))
        .slice(0, 8);
    },
  };
};

/** How many of the ascending numbers are smaller. */
const countBelow = (ascending: readonly number[], limit: number): number => {
  let [low, high] = [0, ascending.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ascending[middle] ?? Infinity) < limit) low = middle + 1;
    else high = middle;
  }
  return low;
};
