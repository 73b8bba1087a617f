import { describe, expect, it } from '@jest/globals';
import type { Item } from '../../../functions/store/items.ts';
import { unitsOf } from '../../../functions/store/units.ts';

const keyed = { pk: { S: 'é' }, sk: { S: 's' } };
const withBytes = (length: number): Item => ({ ...keyed, B: { B: Buffer.alloc(length) } });
/** The bytes of `keyed` with the name of `B`. */
const around = 2 + 2 + 2 + 1 + 1;

describe('the units of a call', () => {
  it.each<[string, readonly (Item | undefined)[], number]>([
    ['without an item', [undefined], 1],
    ['for 4 KiB', [withBytes(4_096 - around)], 1],
    ['for a byte more', [withBytes(4_097 - around)], 2],
    ['for two items together', [withBytes(2_048 - around), withBytes(2_049 - around)], 2],
    ['for what is in lists', [{ l: { L: [{ M: { n: { N: '1'.repeat(4_094) } } }] } }], 1],
    ['for more of it', [{ l: { L: [{ M: { n: { N: '1'.repeat(4_095) } } }] } }], 2],
  ])('are one for each started 4 KiB: %s', (_, items, expected) => {
    expect(unitsOf(items)).toBe(expected);
  });
});
