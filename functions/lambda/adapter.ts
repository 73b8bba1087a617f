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

/** The headers or query parameters of an event: one value or a list for each name. */
type Named = Event['headers'] | Event['multiValueHeaders'] | null;

const pairsIn = (named: Named): readonly (readonly [name: string, value: string])[] =>
  Object.entries(named ?? {}).flatMap(([name, values = []]) =>
    [values].flat().map((value) => [name, value] as const),
  );

const headersIn = (named: Named): RequestHeaders => {
  const headers: Record<string, string[]> = Object.create(null);
  for (const [spelling, value] of pairsIn(named)) {
    const name = spelling.toLowerCase();
    const list = headers[name];
    if (list) list.push(value);
    else headers[name] = [value];
  }
  return headers;
};

/**
 * Reads the event without refusing anything. A header that `multiValueHeaders` has is read from
 * there, with all its values, and any other from `headers`.
 */
export const requestOf = (event: Event, requestId: string): HttpRequest => {
  const query = pairsIn(event.multiValueQueryStringParameters);
  return {
    requestId,
    gatewayRequestId: event.requestContext?.requestId,
    path: event.path,
    query: query.length > 0 ? query : pairsIn(event.queryStringParameters),
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
