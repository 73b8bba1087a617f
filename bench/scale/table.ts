/** The results of `scale` as a table for people. */
import { type ScaleReport, shown, tableOf } from '../report.ts';
import type { Point } from './points.ts';

const costOf = ({ counted }: Point): readonly string[] => {
  if (counted === undefined) return ['–', '–', '–', '–', '–'];
  const { storeCalls, masterKeyCalls, reads, writes, bytes } = counted;
  return [storeCalls, masterKeyCalls, reads, writes, bytes].map(String);
};

export const scaleTable = ({ machine, points }: ScaleReport): string => {
  const head = ['axis', 'operation', 'size', 'store', 'KMS', 'reads', 'writes', 'bytes'];
  const times = ['p50 ms', 'p99', 'per s', 'CPU ms', 'tries', 'most', 'failed', 'others'];
  const rows = points.map((point) => {
    const { axis, operation, size, p50, p99, perSecond, cpu, tries, failed, others } = point;
    const took = [p50, p99, perSecond, cpu, tries?.mean, tries?.most].map(shown);
    const end = [String(failed), `${shown(others * 100)} %`];
    return [axis, operation, String(size), ...costOf(point), ...took, ...end];
  });
  const { processors, model, node, load } = machine;
  const line = `${processors} processors (${model}), Node ${node}, load average at the end ${shown(load)}`;
  return [line, tableOf([[...head, ...times], ...rows], 2)].join('\n');
};
