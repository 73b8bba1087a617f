import { expect, it } from '@jest/globals';
import { operations } from '../../../bench/operations.ts';
import { newBench, readOptions as readWords } from '../../../bench/options.ts';

const readOptions = (line: string) => {
  const bench = newBench().parse(line.split(' ').filter(Boolean), { from: 'user' });
  return readWords(bench.args, bench.opts());
};

it('the bench measures one node with all operations, for 1 client and for 16, by default', () => {
  expect(readOptions('')).toMatchObject({ command: 'one-node', operations, clients: [1, 16] });
});

it('the bench measures what its command line says', () => {
  expect(readOptions('cluster --operations get,expand --clients 8 --seconds 2.5')).toMatchObject({
    ...{ command: 'cluster', operations: ['get', 'expand'], clients: [8], forMs: 2_500 },
  });
  expect(readOptions('cluster --peer bao.json --at http://127.0.0.1:1,http://127.0.0.1:2')).toEqual(
    expect.objectContaining({
      peer: { description: 'bao.json', urls: ['http://127.0.0.1:1', 'http://127.0.0.1:2'] },
    }),
  );
  expect(readOptions('--compare a b')).toEqual({ command: 'compare', files: ['a', 'b'] });
});

it.each([
  ...['quickly', 'fresh', 'cluster cluster', '--operations get,put', '--clients 0', '--clients 65'],
  ...['--clients 1.5', '--seconds 0', '--seconds 86400', '--peer bao.json', '--fast'],
  ...['--at http://127.0.0.1:8200', '--peer bao.json --at 8200', '--compare a'],
  ...['cold', '--compare a b c'],
])('the bench refuses the command line %s', (args) => {
  expect(() => readOptions(args)).toThrow();
});
