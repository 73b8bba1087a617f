/** Events as API Gateway (REST) passes them to a function, of which a test states only the parts that matter. */
import { type Event, type HttpRequest, readRequest } from '../../functions/http/requests.ts';

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

/** An event with each header once, in the form that holds all values of a name. */
export const eventWith = (headers: Readonly<Record<string, string>>, parts: Partial<Event> = {}) =>
  eventOf({
    multiValueHeaders: Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name, [value]]),
    ),
    ...parts,
  });

/** Requests as the endpoint reads them from such events. */
export const requestOf = (...event: Parameters<typeof eventOf>): HttpRequest =>
  readRequest(eventOf(...event));
export const requestWith = (...event: Parameters<typeof eventWith>): HttpRequest =>
  readRequest(eventWith(...event));
