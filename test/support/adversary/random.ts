/** A repeatable source of randomness. Every random decision of a run is drawn from it. */
export type Random = () => number;

/** Returns a source of uniform numbers in [0, 1), by the generator mulberry32. */
export const seeded = (seed: number): Random => {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
};

export const intBelow = (random: Random, end: number): number => Math.floor(random() * end);

export const oneOf = <Item>(random: Random, items: readonly [Item, ...Item[]]): Item =>
  items[intBelow(random, items.length)] ?? items[0];
