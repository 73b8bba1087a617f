import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { plotsOf } from '../../../bench/scale/plots.ts';
import { axes, type Point, sizes } from '../../../bench/scale/points.ts';
import { svgOf, ticksOf } from '../../../bench/scale/svg.ts';

const folder = 'docs/scale';
const readPoints = (): readonly Point[] =>
  JSON.parse(readFileSync(`${folder}/scale.json`, 'utf8')).points;

describe('a chart', () => {
  const chart = {
    title: 'a < b',
    x: 'sizes',
    series: [
      {
        name: 'flat',
        points: [
          [1, 3],
          [100, 3],
        ],
      },
      {
        name: 'growing',
        points: [
          [1, 1],
          [10, 10],
          [100, 100],
        ],
      },
    ],
  } as const;

  it('draws a line for each series, through all its points, on logarithmic axes', () => {
    const svg = svgOf([chart], 'about');
    const lines = [...svg.matchAll(/points="([^"]*)"/g)].map(([, points = '']) =>
      points.split(' '),
    );
    expect(lines.map((points) => points.length)).toEqual([2, 3]);
    const [first, second, third] = lines[1]?.map((point) => point.split(',').map(Number)) ?? [];
    // On a logarithmic axis equal factors are equal distances.
    expect(2 * (second?.[0] ?? 0)).toBeCloseTo((first?.[0] ?? 0) + (third?.[0] ?? 0), 0);
    expect(2 * (second?.[1] ?? 0)).toBeCloseTo((first?.[1] ?? 0) + (third?.[1] ?? 0), 0);
  });

  it('labels its axes and lines with text', () => {
    const svg = svgOf([chart], 'about');
    for (const text of ['a &lt; b', 'sizes', 'flat', 'growing'])
      expect(svg).toContain(`>${text}</text>`);
  });

  it('puts ticks at 1, 2 and 5 times powers of ten, or at the powers alone if there would be many', () => {
    expect(ticksOf(0.9, 60)).toEqual([1, 2, 5, 10, 20, 50]);
    expect(ticksOf(1, 2_000)).toEqual([1, 10, 100, 1_000]);
  });
});

describe('the plots of docs/scale', () => {
  it('show every axis to its end', () => {
    const points = readPoints();
    for (const axis of axes) {
      const measured = points.filter((point) => point.axis === axis).map(({ size }) => size);
      expect([...new Set(measured)]).toEqual(sizes[axis]);
    }
  });

  it('match the numbers in scale.json', () => {
    const plots = plotsOf({ points: readPoints() });
    expect(readdirSync(folder).sort()).toEqual([...plots.keys(), 'scale.json'].sort());
    for (const [file, svg] of plots) expect(readFileSync(`${folder}/${file}`, 'utf8')).toBe(svg);
  });

  it('show constant costs of reads and updates for any number of versions and secrets', () => {
    const flat = readPoints().filter(
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
