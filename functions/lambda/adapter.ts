/**
 * Lambda behind API Gateway: reads the request from an event of a REST API, and returns the reply
 * as the result of a function. Hosts differ: header names come in any case, bodies as text or
 * base64, repeated parameters as lists. Every part is decoded exactly once.
 */
import type { APIGatewayProxyEvent, APIGatewayProxyResult, Context } from 'aws-lambda';
import type { Handle, HttpRequest, PathParameters, RequestHeaders } from '../http/messages.ts';

export type Event = APIGatewayProxyEvent;

export type Handler = (
  event: Event,
  context: Pick<Context, 'awsRequestId'>,
) => Promise<APIGatewayProxyResult>;

/** The named lists of values of an event; `null` stands for none. */
type Lists = Event['headers'] | Event['multiValueHeaders'] | null;

const entriesOf = (lists: Lists): readonly (readonly [name: string, values: string[]])[] =>
  Object.entries(lists ?? {}).map(([name, values = []]) => [name, [values].flat()]);

const headersIn = (lists: Lists): RequestHeaders => {
  const headers: Record<string, string[]> = Object.create(null);
  for (const [spelling, values] of entriesOf(lists)) {
    const name = spelling.toLowerCase();
    const known = headers[name];
    if (known) known.push(...values);
    else if (values.length > 0) headers[name] = values;
  }
  return headers;
};

/**
 * Reads the event without refusing anything. A header that `multiValueHeaders` has is read from
 * there, with all its values, and any other from `headers`.
 */
export const requestOf = (event: Event, requestId: string): HttpRequest => {
  const lists = entriesOf(event.multiValueQueryStringParameters);
  const query = lists.length > 0 ? lists : entriesOf(event.queryStringParameters);
  return {
    requestId,
    gatewayRequestId: event.requestContext?.requestId,
    path: event.path,
    query: query.flatMap(([name, values]) => values.map((value) => [name, value] as const)),
    // `Object.assign`, because an object literal would take `__proto__` for the prototype.
    headers: Object.assign(headersIn(event.headers), headersIn(event.multiValueHeaders)),
    body: Buffer.from(event.body ?? '', event.isBase64Encoded ? 'base64' : 'utf8'),
  };
};

/** Turns the function that answers a route's requests into the handler of a Lambda function. */
export const handlerOf =
  (handle: Handle): Handler =>
  async (event, { awsRequestId }) => {
    // The path of the event may begin with the base path of a custom domain, so the parameters are
    // those that API Gateway found.
    const parameters = (event.pathParameters ?? {}) as PathParameters;
    const { status, headers, body } = await handle(requestOf(event, awsRequestId), parameters);
    return { statusCode: status, headers, body };
  };
