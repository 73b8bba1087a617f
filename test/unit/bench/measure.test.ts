import { expect, it } from '@jest/globals';
import { resultsTable } from '../../../bench/measure.ts';

const turn = (perSecond: number, latencies: readonly number[]) => ({ perSecond, latencies });
const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);

it('the table of the bench has the median and the range of the turns, and of the ratio of each pair of turns', () => {
  const turns = [turn(1900, hundred.slice(0, 40)), turn(300, hundred.slice(40)), turn(600, [])];
  const others = [turn(380, [7]), turn(200, [0.5]), turn(50, [6])];
  const table = resultsTable([
    {
      ...{ operation: 'get', clients: 16 },
      measured: [
        { store: 'vault', turns },
        { store: 'OpenBao', turns: others },
      ],
    },
    { operation: 'create', clients: 1, measured: [{ store: 'vault', turns: [turn(0, [])] }] },
  ]);
  expect(table.split('\n')).toEqual([
    'operation  clients  of       per s             p99 ms  ratio',
    'get        16       vault    600 (300–1900)    99.0    5.00 (1.50–12.0)',
    'get        16       OpenBao  200 (50.0–380)    7.00',
    'create     1        vault    0.00 (0.00–0.00)  NaN',
  ]);
});
