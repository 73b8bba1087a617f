/** Anyone may send a function long headers and queries; their length must not multiply its work. */
import { describe, expect, it } from '@jest/globals';
import { createAuthenticate } from '../../../functions/http/principal.ts';
import {
  type Event,
  headerValues,
  ifMatchOf,
  mediaType,
  queryOf,
  readRequest,
} from '../../../functions/http/requests.ts';
import { eventOf, eventWith } from '../../support/events.ts';
import { growthOf, linearGrowthMax } from '../../support/growth.ts';

const orThrow = (work: () => unknown) => () => {
  try {
    return work();
  } catch (error) {
    return error;
  }
};
const authenticate = createAuthenticate({
  issuer: 'urn:test',
  audience: 'vault',
  keys: () => Promise.reject(new Error('no token of this test gets as far as the keys')),
});
const lists = (size: number) =>
  Object.fromEntries(Array.from({ length: size }, (_, at) => [`a${at}`, ['']]));

describe('the work of a function on a hostile request', () => {
  it.each<[string, (size: number) => Event, (event: Event) => unknown]>([
    [
      'different headers',
      (size) => eventOf({ multiValueHeaders: lists(size) }),
      (event) => headerValues(readRequest(event), 'authorization'),
    ],
    [
      'values of a header',
      (size) => eventOf({ multiValueHeaders: { 'If-Match': Array(size).fill('"1"') } }),
      (event) => ifMatchOf(readRequest(event)),
    ],
    [
      'query parameters',
      (size) => eventOf({ multiValueQueryStringParameters: lists(size) }),
      (event) => queryOf(readRequest(event), ['limit']),
    ],
    [
      'values of a query parameter',
      (size) => eventOf({ multiValueQueryStringParameters: { limit: Array(size).fill('1') } }),
      (event) => queryOf(readRequest(event), ['limit']),
    ],
    [
      'spaces behind an entity-tag',
      (size) => eventWith({ 'if-match': `"1"${' '.repeat(size)}x` }),
      (event) => ifMatchOf(readRequest(event)),
    ],
    [
      'entity-tags before one that is none',
      (size) => eventWith({ 'if-match': `${'"1" , '.repeat(size)}x` }),
      (event) => ifMatchOf(readRequest(event)),
    ],
    [
      'letters of an entity-tag that never ends',
      (size) => eventWith({ 'if-match': `"${'a'.repeat(size)}` }),
      (event) => ifMatchOf(readRequest(event)),
    ],
    [
      'quotes in If-Match',
      (size) => eventWith({ 'if-match': '"'.repeat(2 * size + 1) }),
      (event) => ifMatchOf(readRequest(event)),
    ],
    [
      'weak beginnings of entity-tags',
      (size) => eventWith({ 'if-match': 'W/'.repeat(size) }),
      (event) => ifMatchOf(readRequest(event)),
    ],
    [
      'parameters of a media type',
      (size) => eventWith({ 'content-type': `application/json${' ;'.repeat(size)}` }),
      (event) => mediaType(readRequest(event)),
    ],
    [
      'characters that are no token',
      (size) => eventWith({ authorization: `Bearer ${'a'.repeat(size)} ` }),
      (event) => authenticate(readRequest(event), 0).catch(() => undefined),
    ],
  ])('grows no faster than the number of %s', (_, make, work) => {
    const growth = growthOf(make, (event) => orThrow(() => work(event))(), 2_000);
    expect(growth).toBeLessThan(linearGrowthMax);
  });
});
