import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { axes, type Point, sizes } from '../../../bench/scale/points.ts';

describe('docs/scale/scale.json', () => {
  const points: readonly Point[] = JSON.parse(readFileSync('docs/scale/scale.json', 'utf8')).points;

  it('lists every axis to its end', () => {
    for (const axis of axes) {
      const measured = points.filter((point) => point.axis === axis).map(({ size }) => size);
      expect([...new Set(measured)]).toEqual(sizes[axis]);
    }
  });

  it('shows constant costs of reads and updates for any number of versions and secrets', () => {
    const flat = points.filter(
      ({ axis, operation }) =>
        (axis === 'versions' && ['get latest', 'get version', 'update'].includes(operation)) ||
        (axis === 'secrets' && ['get', 'update', 'create'].includes(operation)),
    );
    const costs = flat.map(({ axis, operation, counted }) => {
      const { storeCalls, masterKeyCalls, reads, writes } = counted ?? {};
      return [`${axis}, ${operation}`, [storeCalls, masterKeyCalls, reads, writes]] as const;
    });
    const first = Object.fromEntries(costs.toReversed());
    for (const [name, cost] of costs) expect(cost).toEqual(first[name]);
    expect(Object.keys(first)).toHaveLength(6);
  });
});
