/** The plots of docs/scale, one file for each axis. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ScaleReport } from '../report.ts';
import { type Axis, axes, type Point } from './points.ts';
import { type Chart, type Series, svgOf } from './svg.ts';

const growing: Readonly<Record<Axis, string>> = {
  versions: 'versions of the secret',
  secrets: 'secrets of the tenant',
  value: 'bytes of the value',
  names: 'names in the file',
  clients: 'clients',
  writers: 'writers of one secret',
};

type Measure = readonly [title: string, of: (point: Point) => number | undefined];
const units: Measure = [
  'units of an operation',
  ({ counted }) => counted && counted.reads + counted.writes,
];
const p50: Measure = ['ms of an operation, p50', ({ p50 }) => p50];
const cpu: Measure = ['processor ms of an operation', ({ cpu }) => cpu];
const rate: Measure = ['operations a second', ({ perSecond }) => perSecond];
const tries: Measure = ['tries of an update, most of any', ({ tries }) => tries?.most];

const measures: Readonly<Record<Axis, readonly Measure[]>> = {
  versions: [units, p50, cpu],
  secrets: [units, p50, cpu],
  value: [units, p50, cpu],
  names: [units, p50, cpu],
  clients: [rate, p50, cpu],
  writers: [rate, tries, p50],
};

const chartOf = ([title, of]: Measure, axis: Axis, points: readonly Point[]): Chart => {
  const names = [...new Set(points.map(({ operation }) => operation))];
  const series = names.map((name): Series => {
    const own = points.filter(({ operation }) => operation === name);
    const pairs = own.map((point) => [point.size, of(point) ?? Number.NaN] as const);
    return { name, points: pairs.filter(([, value]) => value > 0) };
  });
  return { title, x: growing[axis], series: series.filter((each) => each.points.length > 0) };
};

/** An SVG for each measured axis, by the name of its file. */
export const plotsOf = ({ points }: Pick<ScaleReport, 'points'>): ReadonlyMap<string, string> =>
  new Map(
    axes.flatMap((axis) => {
      const own = points.filter((point) => point.axis === axis);
      if (own.length === 0) return [];
      const charts = measures[axis].map((each) => chartOf(each, axis, own));
      return [[`${axis}.svg`, svgOf(charts, `Cost and time by ${growing[axis]}`)]];
    }),
  );

export const writePlots = (folder: string, report: ScaleReport): void => {
  mkdirSync(folder, { recursive: true });
  for (const [file, svg] of plotsOf(report)) writeFileSync(join(folder, file), svg);
};
