import { describe, expect, it } from '@jest/globals';
import { createFindRoute } from '../../../functions/http/find-route.ts';
import { growthOf, linearGrowthMax } from '../../support/growth.ts';

const places = [
  { method: 'GET', path: '/health' },
  { method: 'GET', path: '/v1/secrets/{name}' },
  { method: 'PUT', path: '/v1/secrets/{name}' },
  { method: 'DELETE', path: '/v1/secrets/{name}/versions/{version}' },
];
const [health, get, put, destroy] = places;
const find = createFindRoute(places);

describe('the search for the route of a request', () => {
  it.each([
    ['GET', '/health', health, {}],
    ['HEAD', '/health', health, {}],
    ['GET', '/health/', health, {}],
    ['PUT', '/v1/secrets/A', put, { name: 'A' }],
    ['HEAD', '/v1/secrets/A%2fB', get, { name: 'A%2fB' }],
    ['DELETE', '/v1/secrets/A/versions/3', destroy, { name: 'A', version: '3' }],
    ['GET', '/v1/secrets/__proto__', get, { name: '__proto__' }],
  ])('finds the route of %s %s', (method, path, route, parameters) => {
    expect(find(method, path)).toEqual({ route, parameters });
  });

  it.each([
    '/',
    '',
    '//',
    '/healthy',
    '/health//',
    '/v1/secrets',
    '/v1/secrets/',
    '/v1/secrets//versions/3',
    '/v1/secrets/A/versions',
    'health',
  ])('finds no route for the path %j', (path) => {
    expect(find('GET', path)).toBeUndefined();
  });

  it.each([
    ['POST', '/health', ['GET', 'HEAD']],
    ['POST', '/v1/secrets/A', ['GET', 'HEAD', 'PUT']],
    ['HEAD', '/v1/secrets/A/versions/3', ['DELETE']],
    ['get', '/health', ['GET', 'HEAD']],
  ])('finds for %s %s only other methods', (method, path, allow) => {
    expect(find(method, path)).toEqual({ allow });
  });

  it.each(['/', '.', '/a'])('takes at most linearly more work for more of %j', (part) => {
    const work = (path: string) => find('GET', path);
    expect(growthOf((size) => part.repeat(size), work, 3_000)).toBeLessThan(linearGrowthMax);
  });
});
