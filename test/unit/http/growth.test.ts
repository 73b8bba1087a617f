/**
 * Anyone can send long headers and queries to a function. The work must grow at most linearly with
 * their length.
 */
import { describe, expect, it } from '@jest/globals';
import { strictObject } from 'valibot';
import { parseJson } from '../../../functions/http/bodies.ts';
import { headerValues, ifMatchOf, mediaType, queryOf } from '../../../functions/http/requests.ts';
import { type Event, requestOf } from '../../../functions/lambda/adapter.ts';
import { eventOf, eventWith } from '../../support/events.ts';
import { growthOf, linearGrowthMax } from '../../support/growth.ts';
import { createAuthenticate } from '../../support/issuer.ts';

const authenticate = createAuthenticate({
  issuer: 'urn:test',
  audience: 'vault',
  keys: () => Promise.reject(new Error('no token of this test gets as far as the keys')),
});
const manyLists = (size: number) =>
  Object.fromEntries(Array.from({ length: size }, (_, at) => [`a${at}`, ['']]));
const listed = (multiValueHeaders: Record<string, string[]>) => eventOf({ multiValueHeaders });
const query = (multiValueQueryStringParameters: Record<string, string[]>) =>
  eventOf({ multiValueQueryStringParameters });
const ifMatch = (value: string) => eventWith({ 'if-match': value });

const readAuthorization = (event: Event) => headerValues(requestOf(event, 'r-1'), 'authorization');
const readIfMatch = (event: Event) => ifMatchOf(requestOf(event, 'r-1'));
const readQuery = (event: Event) => queryOf(requestOf(event, 'r-1'), ['limit']);
const readType = (event: Event) => mediaType(requestOf(event, 'r-1'));
const readBody = ({ body }: Event) => parseJson(body ?? '', strictObject({}));
const readToken = (event: Event) => authenticate(requestOf(event, 'r-1'), 0).catch(() => undefined);

describe('the work of a function for a hostile request', () => {
  it.each<[string, (event: Event) => unknown, (size: number) => Event]>([
    ['different headers', readAuthorization, (size) => listed(manyLists(size))],
    ['values of a header', readIfMatch, (size) => listed({ 'If-Match': Array(size).fill('"1"') })],
    ['query parameters', readQuery, (size) => query(manyLists(size))],
    ['values of a parameter', readQuery, (size) => query({ limit: Array(size).fill('1') })],
    ['spaces behind an entity-tag', readIfMatch, (size) => ifMatch(`"1"${' '.repeat(size)}x`)],
    ['entity-tags before an error', readIfMatch, (size) => ifMatch(`${'"1" , '.repeat(size)}x`)],
    ['letters of an unclosed entity-tag', readIfMatch, (size) => ifMatch(`"${'a'.repeat(size)}`)],
    ['quotes in If-Match', readIfMatch, (size) => ifMatch('"'.repeat(2 * size + 1))],
    ['weak beginnings of entity-tags', readIfMatch, (size) => ifMatch('W/'.repeat(size))],
    [
      'parameters of a media type',
      readType,
      (size) => eventWith({ 'content-type': `application/json${' ;'.repeat(size)}` }),
    ],
    [
      'zeros in a number of the body',
      readBody,
      (size) => eventWith({}, { body: `{"a":1${'0'.repeat(size)}1}` }),
    ],
    [
      'characters that are not allowed in a token',
      readToken,
      (size) => eventWith({ authorization: `Bearer ${'a'.repeat(size)} ` }),
    ],
  ])('grows at most linearly with the number of %s', (_, read, make) => {
    const work = (event: Event) => {
      try {
        return read(event);
      } catch (refused) {
        return refused;
      }
    };
    const growth = growthOf(make, work, 2_000);
    expect(growth).toBeLessThan(linearGrowthMax);
  });
});
