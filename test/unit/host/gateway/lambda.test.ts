import { describe, expect, it } from '@jest/globals';
import { countParameters, toEvent } from '../../../../host/gateway/lambda.ts';
import { createFindRoute, type Route } from '../../../../host/template.ts';
import { growthOf, linearGrowthMax } from '../../../support/growth.ts';

const health = { operation: 'get-health', method: 'GET', path: '/health' };
const route: Route = { ...health, entryPoint: '', timeoutMs: 15_000 };
const eventOf = (target: string, rawHeaders: readonly string[]) => {
  const request = { method: 'GET', target, rawHeaders, body: Buffer.alloc(0), sourceIp: '::1' };
  return toEvent(request, route, null, 'r-1');
};

describe('the work of the gateway before it calls a function', () => {
  it.each<[string, (size: number) => unknown]>([
    ['repeated query parameters', (size) => eventOf(`/health?${'a&'.repeat(size)}`, [])],
    ['repeated headers', (size) => eventOf('/health', Array<string>(2 * size).fill('a'))],
    ['question marks', (size) => eventOf(`/${'?'.repeat(size)}`, [])],
    ['slashes', (size) => createFindRoute([route])('GET', '/'.repeat(size))],
    ['dots', (size) => createFindRoute([route])('GET', '.'.repeat(size))],
    [
      'ampersands in a query whose parameters are counted',
      (size) => countParameters(`/?${'&'.repeat(size)}`),
    ],
  ])('grows at most linearly with the number of %s', (_, work) => {
    expect(growthOf((size) => size, work, 3_000)).toBeLessThan(linearGrowthMax);
  });
});

describe('countParameters', () => {
  it.each([
    ['/health', 0],
    ['/health&a&b', 0],
    ['/health?', 1],
    ['/health?a', 1],
    ['/health?a&a=1&b', 3],
    ['/health?a?b&c', 2],
  ])('finds that %s has at most %s query parameters', (target, count) => {
    expect(countParameters(target)).toBe(count);
  });
});
