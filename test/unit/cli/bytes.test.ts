import { describe, expect, it } from '@jest/globals';
import { bytesOf } from '../../../cli/output/bytes.ts';

describe('bytesOf', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [20_480, '20.5 kB'],
    [311_000, '311 kB'],
    [8_589_934_592, '8.6 GB'],
  ])('shows %s as %s', (bytes, shown) => {
    expect(bytesOf(bytes)).toBe(shown);
  });
});
