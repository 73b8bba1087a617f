import { expect, it } from '@jest/globals';
import { unitsOf } from '../../../functions/store/units.ts';

it.each([
  ['no item', 0, 1],
  ['4 KiB', 5_461, 1],
  ['more than 4 KiB', 5_462, 2],
])(
  'a call costs one unit for each started 4 KiB of its items, and at least one: %s',
  (_, length, units) => {
    expect(unitsOf(length)).toBe(units);
  },
);
