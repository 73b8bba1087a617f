import { expect, it } from '@jest/globals';
import { createDataKeySet } from '../../../../host/verify/data-key-set.ts';

it('a set of a hundred thousand data keys holds each once, in at most 43 bytes per key', () => {
  const dataKeys = createDataKeySet();
  const count = 100_000;
  const keyOf = (index: number) => Buffer.from(`wrapped data key ${index}`);
  const countAdded = () =>
    Array.from({ length: count }, (_, index) => dataKeys.add(keyOf(index))).filter(Boolean).length;
  expect(countAdded()).toBe(count);
  expect(countAdded()).toBe(0);
  expect(dataKeys.bytes() / count).toBeLessThan(43);
});
