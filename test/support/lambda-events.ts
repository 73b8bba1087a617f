/** Builds the event with which API Gateway would pass a request to a function. */
import type { APIGatewayProxyEvent } from 'aws-lambda';
import type { HttpRequest, PathParameters } from '../../functions/http/messages.ts';
import type { Route } from './template.ts';

/**
 * Creates the event. The body is base64, as with the template's binary media types. Names in the
 * path are not decoded.
 */
export const toEvent = (
  { requestId, path, query, headers, body }: HttpRequest,
  route: Route,
  parameters: PathParameters,
): APIGatewayProxyEvent => {
  const lists = Object.fromEntries(
    Object.entries(headers).map(([name, values = []]) => [name, [...values]]),
  );
  const asked = Map.groupBy(query, ([name]) => name);
  return {
    resource: route.path,
    path,
    httpMethod: route.method,
    headers: Object.fromEntries(
      Object.entries(lists).map(([name, values]) => [name, values.at(-1)]),
    ),
    multiValueHeaders: lists,
    queryStringParameters: asked.size > 0 ? Object.fromEntries(query) : null,
    multiValueQueryStringParameters:
      asked.size > 0
        ? Object.fromEntries([...asked].map(([name, pairs]) => [name, pairs.map(([, v]) => v)]))
        : null,
    pathParameters: Object.keys(parameters).length > 0 ? { ...parameters } : null,
    stageVariables: null,
    requestContext: { requestId } as APIGatewayProxyEvent['requestContext'],
    body: body.length > 0 ? Buffer.from(body).toString('base64') : null,
    isBase64Encoded: true,
  };
};
