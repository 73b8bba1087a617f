/**
 * A list of numbers, of 8 bytes each by default, outside of the heap of JavaScript. A log may have
 * millions of lines, and the garbage collector would let objects for all of them take twice the
 * memory.
 */
export type NumberList = {
  readonly length: () => number;
  readonly at: (index: number) => number;
  /** Sets the number at `index`, which is at most the length. */
  readonly set: (index: number, item: number) => void;
  readonly push: (item: number) => void;
};

/** Creates an empty list. With `Int32Array`, its numbers are 32-bit integers. */
export const createNumberList = (
  Items: typeof Float64Array | typeof Int32Array = Float64Array,
): NumberList => {
  let items = new Items(4);
  let length = 0;
  const set = (index: number, item: number): void => {
    if (index === items.length) {
      const larger = new Items(2 * items.length);
      larger.set(items);
      items = larger;
    }
    items[index] = item;
    length = Math.max(length, index + 1);
  };
  return {
    length: () => length,
    at: (index) => items[index] ?? Number.NaN,
    set,
    push: (item) => set(length, item),
  };
};
