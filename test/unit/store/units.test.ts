import { expect, it } from '@jest/globals';
import { unitsOf } from '../../../functions/store/units.ts';

it.each([
  ['of nothing', 0, 1],
  ['that holds 4 KiB', 5_461, 1],
  ['that holds more', 5_462, 2],
])(
  'JSON %s counts as one unit for each started 4 KiB of its item, and as at least one',
  (_, length, units) => {
    expect(unitsOf(length)).toBe(units);
  },
);
