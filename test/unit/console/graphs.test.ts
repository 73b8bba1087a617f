import { describe, expect, it } from '@jest/globals';
import { barsOf, ceilingOf, lineOf, meanOf } from '../../../console/page/graphs.ts';

const rate = (acknowledged: number, refused = 0, unclear = 0) => ({
  acknowledged,
  refused,
  unclear,
});

describe('the graph of rates', () => {
  it('reaches to a round number above the highest rate', () => {
    expect(ceilingOf([])).toBe(5);
    expect(ceilingOf([rate(12, 7, 1), rate(3)])).toBe(20);
    expect(ceilingOf([rate(21)])).toBe(25);
    expect(ceilingOf([rate(100)])).toBe(100);
  });

  it('stacks the outcomes of each second, and leaves out outcomes without writes', () => {
    expect(barsOf([rate(0), rate(10, 5, 5)], 40)).toEqual([
      { outcome: 'acknowledged', x: 1, y: 20, height: 20 },
      { outcome: 'refused', x: 1, y: 10, height: 10 },
      { outcome: 'unclear', x: 1, y: 0, height: 10 },
    ]);
  });

  it('names the mean of the newest seconds', () => {
    expect(meanOf([rate(100), rate(1), rate(2)], 'acknowledged', 2)).toBe(1.5);
    expect(meanOf([], 'acknowledged', 5)).toBe(0);
  });
});

describe('the graph of latencies', () => {
  it('ends at the right with the newest latency, and rises to the top for the highest', () => {
    expect(lineOf([0, 20], 100, 10, 11)).toBe('90.0,10.0 100.0,0.0');
    expect(lineOf([], 100, 10, 11)).toBe('');
  });

  it('draws a single millisecond low, on a scale of at least ten', () => {
    expect(lineOf([1], 100, 10, 11)).toBe('100.0,9.0');
  });
});
