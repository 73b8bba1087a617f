import { expect, it } from '@jest/globals';
import { createMetDataKeys } from '../../../../local/verify/data-key-set.ts';

it('data keys are each new once, and a hundred thousand of them take at most 43 bytes each', () => {
  const met = createMetDataKeys();
  const count = 100_000;
  const keyOf = (index: number) => Buffer.from(`wrapped data key ${index}`);
  const countNew = () =>
    Array.from({ length: count }, (_, index) => met.isNew(keyOf(index))).filter(Boolean).length;
  expect(countNew()).toBe(count);
  expect(countNew()).toBe(0);
  expect(met.bytes() / count).toBeLessThan(43);
});
