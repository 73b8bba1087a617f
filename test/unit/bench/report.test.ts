import { describe, expect, it } from '@jest/globals';
import type { Figure } from '../../../bench/measure.ts';
import { comparisonTable, type Report, resultsText } from '../../../bench/report.ts';

const figure = (subject: string, perSecond: number, cpuMs: number): Figure => ({
  subject,
  operation: 'get',
  clients: 16,
  times: { count: 1_000, failed: 2, perSecond, p50: 1, p95: 2, p99: 3 },
  cpu: { node: cpuMs * 0.75, store: cpuMs * 0.25 },
  others: 0.5,
});
const report = (...figures: readonly Figure[]): Report => ({
  command: 'one-node',
  machine: { processors: 2, model: 'a processor', node: 'v24', load: 1 },
  figures,
});
const cellsOf = (line: string | undefined): readonly string[] => (line ?? '').split(/ {2,}/);

describe('the report', () => {
  it('shows each figure with the floor of the same operation and number of clients', () => {
    const text = resultsText(report(figure('vault', 800, 2), figure('floor', 1_000, 1.5)));
    const [, head, vault] = text.split('\n').map(cellsOf);
    const cell = (name: string) => vault?.[head?.indexOf(name) ?? -1];
    expect([cell('per s'), cell('CPU ms'), cell('rate'), cell('work'), cell('failed')]).toEqual([
      '800',
      '2.00',
      '0.800',
      '0.750',
      '2',
    ]);
    expect(cell('CPU ms by process')).toBe('node 1.50, store 0.500');
  });

  it('shows a dash if there is no floor', () => {
    expect(resultsText(report(figure('vault', 800, 2)))).toContain('–');
  });

  it('compares a file of forty names with forty creates of the vault and of another store', () => {
    const of = (subject: string, operation: Figure['operation'], perSecond: number) => ({
      ...figure(subject, perSecond, 1),
      operation,
    });
    const figures = [
      of('vault', 'create', 200),
      of('other', 'create', 400),
      of('vault', 'encrypt', 20),
    ];
    expect(resultsText(report(...figures))).toContain(
      'a file of 40 names against 40 creates, clients: 16: 4.00 × vault, 2.00 × other',
    );
  });

  it('reports reads that missed a write, and the delay until it was visible', () => {
    const fresh = [{ subject: 'other', reads: 200, missed: 200, visibleP50Ms: 76 }];
    expect(resultsText({ ...report(), fresh })).toContain(
      'other: 200 of 200 first reads at another node missed an acknowledged write, visible after 76.0 ms',
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
