import { expect, it } from '@jest/globals';
import { newBench } from '../../../bench/options.ts';

const readOptions = (line: string) => {
  const bench = newBench().parse(line.split(' ').filter(Boolean), { from: 'user' });
  return { subject: bench.processedArgs[0], ...bench.opts() };
};

it('the bench measures npm start with all operations, for 1 client and for 16, by default', () => {
  const operations = ['create', 'update', 'get'];
  expect(readOptions('')).toMatchObject({ subject: 'start', operations, clients: [1, 16] });
});

it('the bench measures what its command line says', () => {
  expect(readOptions('cluster --operations get,create --clients 8 --seconds 2.5')).toEqual({
    ...{ subject: 'cluster', operations: ['get', 'create'], clients: [8], seconds: 2.5 },
  });
  expect(readOptions('--peer http://127.0.0.1:1,http://127.0.0.1:2')).toMatchObject({
    peer: { urls: ['http://127.0.0.1:1', 'http://127.0.0.1:2'] },
  });
  expect(readOptions('--peer .')).toMatchObject({ peer: { folder: '.' } });
});

it.each([
  ...['quickly', 'fresh', 'cluster cluster', '--operations get,put', '--clients 0', '--clients 65'],
  ...['--clients 1.5', '--clients 1,', '--seconds 0', '--seconds 86400', '--fast'],
  ...['--peer docs', '--peer 8200', '--peer http://', '--peer http://127.0.0.1:1,'],
  ...['--at http://127.0.0.1:8200', '--compare a b'],
])('the bench refuses the command line %s', (args) => {
  expect(() => readOptions(args)).toThrow();
});
