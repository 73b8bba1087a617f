import { describe, expect, it } from '@jest/globals';
import type { Figure } from '../../../bench/measure.ts';
import { comparisonTable, type Report, resultsText } from '../../../bench/report.ts';
import { joinSlices, timesOf } from '../../../bench/statistics.ts';

const figure = (
  subject: string,
  perSecond: number,
  cpuMs: number,
  operation: Figure['operation'] = 'get',
): Figure => ({
  ...{ subject, operation, clients: 16, others: 0.5 },
  times: { count: 1_000, failed: 2, perSecond, p50: 1, p95: 2, p99: 3 },
  cpu: { node: cpuMs * 0.75, store: cpuMs * 0.25 },
});
const report = (...figures: readonly Figure[]): Report => ({
  command: 'one-node',
  machine: { processors: 2, model: 'a processor', node: 'v24', load: 1 },
  figures,
});
const cellsOf = (line: string | undefined): readonly string[] => (line ?? '').split(/ {2,}/);

describe('the times in a bench report', () => {
  it('have the count, the rate and the percentiles of all slices together, whatever the order of latencies', () => {
    const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);
    const slices = [
      { latencies: hundred.slice(0, 40), failed: 1, elapsedMs: 1_500 },
      { latencies: hundred.slice(40), failed: 2, elapsedMs: 500 },
    ];
    const expected = { count: 100, failed: 3, perSecond: 50, p50: 50, p95: 95, p99: 99 };
    expect(timesOf(joinSlices(slices))).toEqual(expected);
    expect(timesOf({ latencies: [7], failed: 0, elapsedMs: 1 })).toMatchObject({ p50: 7, p99: 7 });
    expect(timesOf({ latencies: [], failed: 1, elapsedMs: 1 }).p50).toBeNaN();
  });
});

describe('the bench report', () => {
  it('shows each figure with the CPU time of each kind of process', () => {
    const text = resultsText(report(figure('vault', 800, 2)));
    const [, head, vault] = text.split('\n').map(cellsOf);
    const cells = ['per s', 'CPU ms', 'failed', 'CPU ms by process'].map(
      (name) => vault?.[head?.indexOf(name) ?? -1],
    );
    expect(cells).toEqual(['800', '2.00', '2', 'node 1.50, store 0.500']);
  });

  it("compares the vault's file of forty names with forty creates in the vault, and with forty in another store", () => {
    const figures = [
      figure('vault', 200, 1, 'create'),
      figure('other', 400, 1, 'create'),
      figure('vault', 20, 1, 'encrypt'),
    ];
    expect(resultsText(report(...figures))).toContain(
      'a file of 40 names against 40 creates, clients: 16: 4.00 × vault, 2.00 × other',
    );
  });

  it('compares the figures that two runs have in common', () => {
    const a = report(figure('vault', 800, 2), figure('other', 1, 1));
    const [, line, ...more] = comparisonTable(a, report(figure('vault', 1_000, 1))).split('\n');
    expect(cellsOf(line)).toEqual([
      ...['get', 'vault', '16', '800', '1000', '+25.0 %'],
      ...['3.00', '3.00', '+0.00 %', '2.00', '1.00', '-50.0 %'],
    ]);
    expect(more).toEqual([]);
  });
});
