/** The results of a run: as a file for programs, and as tables for people. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { dirname } from 'node:path';
import { usage } from '../system/failures.ts';
import type { Figure } from './measure.ts';
import { fileNames } from './operations.ts';
import { cpuTotal } from './processes.ts';

type Machine = {
  readonly processors: number;
  readonly model: string;
  readonly node: string;
  /** The load average of the last minute at the end of the run. */
  readonly load: number;
};
export type Report = {
  readonly command: string;
  readonly machine: Machine;
  readonly figures: readonly Figure[];
};

export const describeMachine = (): Machine => ({
  processors: cpus().length,
  model: cpus()[0]?.model ?? 'unknown',
  node: process.version,
  load: loadavg()[0] ?? Number.NaN,
});

export const writeReport = (file: string, report: Report): void => {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(report, undefined, 1)}\n`);
};

export const readReport = (file: string): Report => {
  const report: unknown = JSON.parse(readFileSync(file, 'utf8'));
  if (typeof report === 'object' && report !== null && 'figures' in report) return report as Report;
  throw usage(`${file} is no report of npm run bench -- --json`);
};

/** A number with about three significant digits; a dash if there is none. */
const shown = (number: number | undefined): string => {
  if (number === undefined || !Number.isFinite(number)) return '–';
  return number >= 100 ? number.toFixed(0) : number.toPrecision(3);
};

/**
 * Formats rows as a table of columns under their heads. The first `texts` columns are texts; all
 * others are numbers, which are aligned right.
 */
const tableOf = (rows: readonly (readonly string[])[], texts: number): string => {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  const lineOf = (row: readonly string[]): string =>
    row
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        return column < texts ? cell.padEnd(width) : cell.padStart(width);
      })
      .join('  ')
      .trimEnd();
  return rows.map(lineOf).join('\n');
};

const keyOf = ({ subject, operation, clients }: Figure): string =>
  `${subject} ${operation} ${clients}`;

const partsOf = ({ cpu }: Figure): string =>
  Object.entries(cpu)
    .map(([kind, ms]) => `${kind} ${shown(ms)}`)
    .join(', ');

/** Returns a table with one row for each figure. */
const figuresTable = (figures: readonly Figure[]): string => {
  const rows = figures.map((figure) => {
    const { subject, operation, clients, times, cpu, others } = figure;
    return [
      operation,
      subject,
      String(clients),
      ...[times.perSecond, times.p50, times.p95, times.p99, cpuTotal(cpu)].map(shown),
      String(times.failed),
      `${shown(others * 100)} %`,
      partsOf(figure),
    ];
  });
  const head = ['operation', 'of', 'clients', 'per s', 'p50 ms', 'p95', 'p99', 'CPU ms'];
  return tableOf([[...head, 'failed', 'others', 'CPU ms by process'], ...rows], 2);
};

/**
 * Returns one line for each number of clients. The line says how much faster the vault stores the
 * names of one file than the vault and the other subjects perform as many creates.
 */
const fileLines = (figures: readonly Figure[]): readonly string[] =>
  figures
    .filter(({ subject, operation }) => subject === 'vault' && operation === 'encrypt')
    .map(({ clients, times }) => {
      const creates = figures.filter(
        (figure) => figure.operation === 'create' && figure.clients === clients,
      );
      const ratios = creates.map(
        (create) =>
          `${shown((times.perSecond * fileNames) / create.times.perSecond)} × ${create.subject}`,
      );
      return `a file of ${fileNames} names against ${fileNames} creates, clients: ${clients}: ${ratios.join(', ')}`;
    });

/** Returns all results of a run as text for people. */
export const resultsText = ({ machine, figures }: Report): string => {
  const { processors, model, node, load } = machine;
  return [
    `${processors} processors (${model}), Node ${node}, load average at the end ${shown(load)}`,
    figuresTable(figures),
    ...fileLines(figures),
  ].join('\n');
};

const change = (a: number | undefined, b: number | undefined): string =>
  a === undefined || b === undefined ? '–' : `${b >= a ? '+' : ''}${shown((b / a - 1) * 100)} %`;

/**
 * Returns a table that compares the figures that are in both reports, by how much each has changed
 * from `a` to `b`.
 */
export const comparisonTable = (a: Report, b: Report): string => {
  const before = new Map(a.figures.map((figure) => [keyOf(figure), figure]));
  const rows = b.figures.flatMap((figure) => {
    const old = before.get(keyOf(figure));
    if (old === undefined) return [];
    const [rateA, rateB] = [old.times.perSecond, figure.times.perSecond];
    const [cpuA, cpuB] = [cpuTotal(old.cpu), cpuTotal(figure.cpu)];
    const [p99A, p99B] = [old.times.p99, figure.times.p99];
    const of = [figure.operation, figure.subject, String(figure.clients)];
    const rate = [shown(rateA), shown(rateB), change(rateA, rateB)];
    const slowest = [shown(p99A), shown(p99B), change(p99A, p99B)];
    return [[...of, ...rate, ...slowest, shown(cpuA), shown(cpuB), change(cpuA, cpuB)]];
  });
  const triple = (what: string) => [`${what} A`, 'B', ''];
  const head = [
    'operation',
    'of',
    'clients',
    ...triple('per s'),
    ...triple('p99'),
    ...triple('CPU'),
  ];
  return tableOf([head, ...rows], 2);
};
