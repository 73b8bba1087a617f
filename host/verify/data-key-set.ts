/**
 * Remembers the wrapped data keys that a check has seen, to find one that occurs twice. A whole
 * vault has millions of them, more than a JavaScript `Set` can hold. So each takes 16 bytes in one
 * array: the first half of its SHA-256, which is long enough that two keys never collide by chance.
 */
import { createHash } from 'node:crypto';

/** The 16 bytes that are kept of a hash take four words of 32 bits. */
const wordsPerSlot = 4;
const slotsFirst = 1_024;
const loadMax = 0.75;

export type DataKeySet = {
  /** Adds a wrapped data key. Returns whether it was new. */
  readonly add: (wrapped: Uint8Array) => boolean;
  /** The size of the array in bytes, including its free slots. */
  readonly bytes: () => number;
};

export const createDataKeySet = (): DataKeySet => {
  let table = new Uint32Array(slotsFirst * wordsPerSlot);
  let count = 0;

  /** The offset of this hash in the table, or the free offset where it belongs. */
  const offsetOf = (hash: Uint32Array): number => {
    const slots = table.length / wordsPerSlot;
    for (let slot = (hash[0] ?? 0) % slots; ; slot = (slot + 1) % slots) {
      const offset = slot * wordsPerSlot;
      const held = table.subarray(offset, offset + wordsPerSlot);
      if (held.every((word) => word === 0)) return offset;
      if (held.every((word, index) => word === hash[index])) return offset;
    }
  };

  const grow = (): void => {
    const before = table;
    table = new Uint32Array(before.length * 2);
    for (let offset = 0; offset < before.length; offset += wordsPerSlot) {
      const hash = before.subarray(offset, offset + wordsPerSlot);
      if (hash.some((word) => word !== 0)) table.set(hash, offsetOf(hash));
    }
  };

  return {
    add: (wrapped) => {
      const sha256 = createHash('sha256').update(wrapped).digest();
      const hash = Uint32Array.from({ length: wordsPerSlot }, (_, index) =>
        sha256.readUInt32LE(4 * index),
      );
      const offset = offsetOf(hash);
      if (table[offset] === hash[0] && table[offset + 1] === hash[1]) return false;
      table.set(hash, offset);
      count += 1;
      if (count > loadMax * (table.length / wordsPerSlot)) grow();
      return true;
    },
    bytes: () => table.byteLength,
  };
};
