/**
 * Events as API Gateway (REST) passes them to a function. A test states only the parts that matter
 * to it.
 */

import type { HttpRequest } from '../../functions/http/messages.ts';
import { type Event, requestOf as requestIn } from '../../functions/lambda/adapter.ts';

export const eventOf = (parts: Partial<Event> = {}): Event => ({
  resource: '/',
  path: '/',
  httpMethod: 'GET',
  headers: {},
  multiValueHeaders: {},
  queryStringParameters: null,
  multiValueQueryStringParameters: null,
  pathParameters: null,
  stageVariables: null,
  body: null,
  isBase64Encoded: false,
  requestContext: {} as Event['requestContext'],
  ...parts,
});

/**
 * Returns an event of API Gateway with these headers, each once, in the field `multiValueHeaders`.
 */
export const eventWith = (headers: Readonly<Record<string, string>>, parts: Partial<Event> = {}) =>
  eventOf({
    multiValueHeaders: Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name, [value]]),
    ),
    ...parts,
  });

/** Return the request that the adapter reads from such an event. */
export const requestOf = (...event: Parameters<typeof eventOf>): HttpRequest =>
  requestIn(eventOf(...event), 'r-1');
export const requestWith = (...event: Parameters<typeof eventWith>): HttpRequest =>
  requestIn(eventWith(...event), 'r-1');
