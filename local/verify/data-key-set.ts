/**
 * The data keys that a check has met. A whole vault has millions of them, more than a `Set` of JavaScript holds. So each
 * takes 16 bytes in one array: the first half of its SHA-256, in which no two keys are equal by chance.
 */
import { createHash } from 'node:crypto';

const words = 4;
const slotsFirst = 1_024;
const loadMax = 0.75;

export type MetDataKeys = {
  /** Whether this wrapped data key is met for the first time. */
  readonly isNew: (wrapped: Uint8Array) => boolean;
  /** The bytes that are held for them all. */
  readonly bytes: () => number;
};

export const createMetDataKeys = (): MetDataKeys => {
  let table = new Uint32Array(slotsFirst * words);
  let count = 0;

  /** The place of this digest in the table, or the free place where it belongs. */
  const placeOf = (digest: Uint32Array): number => {
    const slots = table.length / words;
    for (let slot = (digest[0] ?? 0) % slots; ; slot = (slot + 1) % slots) {
      const place = slot * words;
      const held = table.subarray(place, place + words);
      if (held.every((word) => word === 0)) return place;
      if (held.every((word, index) => word === digest[index])) return place;
    }
  };

  const grow = (): void => {
    const before = table;
    table = new Uint32Array(before.length * 2);
    for (let place = 0; place < before.length; place += words) {
      const digest = before.subarray(place, place + words);
      if (digest.some((word) => word !== 0)) table.set(digest, placeOf(digest));
    }
  };

  return {
    isNew: (wrapped) => {
      const hash = createHash('sha256').update(wrapped).digest();
      const digest = Uint32Array.from({ length: words }, (_, index) =>
        hash.readUInt32LE(4 * index),
      );
      const place = placeOf(digest);
      if (table[place] === digest[0] && table[place + 1] === digest[1]) return false;
      table.set(digest, place);
      count += 1;
      if (count > loadMax * (table.length / words)) grow();
      return true;
    },
    bytes: () => table.byteLength,
  };
};
