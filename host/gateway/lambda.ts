/**
 * Lambda behind API Gateway: creates the event of a REST API for a function, and calls the function
 * with a time limit. There is a valid reply in every case.
 */

import { validateHeaderName, validateHeaderValue } from 'node:http';
import type { APIGatewayProxyEvent, APIGatewayProxyResult, Context } from 'aws-lambda';
import { readRequest } from '../../functions/http/requests.ts';
import { problem } from '../../functions/http/responses.ts';
import { ApiError } from '../../functions/model/errors.ts';
import type { Route } from '../template.ts';

export type HttpRequest = {
  readonly method: string;
  /** Path and query as they were sent. */
  readonly target: string;
  /** Names and values alternate, as they were sent, including repeated headers. */
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
  readonly sourceIp: string;
};

type Lists = ReadonlyMap<string, readonly string[]>;

const addTo = (lists: Map<string, string[]>, name: string, value: string): void => {
  const list = lists.get(name);
  if (list === undefined) lists.set(name, [value]);
  else list.push(value);
};

/** All values of each header, under the first spelling of its name. */
const headersOf = (rawHeaders: readonly string[]): Lists => {
  const lists = new Map<string, string[]>();
  const spellings = new Map<string, string>();
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const [name = '', value = ''] = [rawHeaders[index], rawHeaders[index + 1]];
    const lower = name.toLowerCase();
    const spelling = spellings.get(lower) ?? name;
    spellings.set(lower, spelling);
    addTo(lists, spelling, value);
  }
  return lists;
};

/** Returns the path, and the query if there is one, as they were sent. */
const partsOf = (target: string): { readonly path: string; readonly query: string | undefined } => {
  const mark = target.indexOf('?');
  return mark < 0
    ? { path: target, query: undefined }
    : { path: target.slice(0, mark), query: target.slice(mark + 1) };
};

const queryOf = (target: string): Lists => {
  const lists = new Map<string, string[]>();
  for (const [name, value] of new URLSearchParams(partsOf(target).query)) addTo(lists, name, value);
  return lists;
};

/** Returns an upper bound of the number of query parameters, without building a list of them. */
export const countParameters = (target: string): number => {
  const { query } = partsOf(target);
  if (query === undefined) return 0;
  let count = 1;
  for (let at = query.indexOf('&'); at >= 0; at = query.indexOf('&', at + 1)) count += 1;
  return count;
};

const listsOf = (lists: Lists): Record<string, string[]> =>
  Object.fromEntries([...lists].map(([name, values]) => [name, [...values]]));
const lastOf = (lists: Lists): Record<string, string> =>
  Object.fromEntries([...lists].map(([name, values]) => [name, values.at(-1) ?? '']));

export const pathOf = (target: string): string => partsOf(target).path;

/**
 * Creates the event. The body is base64, as with the template's binary media types. Names in the
 * path are not decoded.
 */
export const toEvent = (
  { method, target, rawHeaders, body, sourceIp }: HttpRequest,
  route: Route,
  pathParameters: Readonly<Record<string, string>> | null,
  requestId: string,
): APIGatewayProxyEvent => {
  const headers = headersOf(rawHeaders);
  const query = queryOf(target);
  const path = pathOf(target);
  return {
    resource: route.path,
    path,
    httpMethod: method,
    headers: lastOf(headers),
    multiValueHeaders: listsOf(headers),
    queryStringParameters: query.size > 0 ? lastOf(query) : null,
    multiValueQueryStringParameters: query.size > 0 ? listsOf(query) : null,
    pathParameters,
    stageVariables: null,
    requestContext: requestContextOf(route, { method, path, sourceIp, requestId }),
    body: body.length > 0 ? body.toString('base64') : null,
    isBase64Encoded: true,
  };
};

const requestContextOf = (
  route: Route,
  request: { method: string; path: string; sourceIp: string; requestId: string },
): APIGatewayProxyEvent['requestContext'] => ({
  accountId: '000000000000',
  apiId: 'local',
  authorizer: undefined,
  httpMethod: request.method,
  identity: {
    accessKey: null,
    accountId: null,
    apiKey: null,
    apiKeyId: null,
    caller: null,
    clientCert: null,
    cognitoAuthenticationProvider: null,
    cognitoAuthenticationType: null,
    cognitoIdentityId: null,
    cognitoIdentityPoolId: null,
    principalOrgId: null,
    sourceIp: request.sourceIp,
    user: null,
    userAgent: null,
    userArn: null,
  },
  path: request.path,
  protocol: 'HTTP/1.1',
  requestId: request.requestId,
  requestTimeEpoch: Date.now(),
  resourceId: route.operation,
  resourcePath: route.path,
  stage: 'local',
});

/** Creates the context that Lambda would pass to a function. */
export const toContext = ({ operation, timeoutMs }: Route, requestId: string): Context => {
  const deadline = performance.now() + timeoutMs;
  const unsupported = () => {
    throw new Error('a handler answers by its promise');
  };
  return {
    awsRequestId: requestId,
    callbackWaitsForEmptyEventLoop: true,
    functionName: operation,
    functionVersion: '$LATEST',
    invokedFunctionArn: `arn:aws:lambda:us-east-1:000000000000:function:${operation}`,
    memoryLimitInMB: '512',
    logGroupName: `/aws/lambda/${operation}`,
    logStreamName: 'local',
    getRemainingTimeInMillis: () => Math.max(0, Math.round(deadline - performance.now())),
    done: unsupported,
    fail: unsupported,
    succeed: unsupported,
  };
};

export type Handler = (
  event: APIGatewayProxyEvent,
  context: Context,
) => Promise<APIGatewayProxyResult>;

/**
 * Returns the headers with all their values. `multiValueHeaders` takes precedence over `headers`.
 */
export const replyHeadersOf = (result: APIGatewayProxyResult): [string, string[]][] =>
  Object.entries({ ...result.headers, ...result.multiValueHeaders }).map(([name, values]) => [
    name,
    [values].flat().map(String),
  ]);

/** Throws unless `result` is a reply that HTTP can carry. */
const checkIsReply = (result: APIGatewayProxyResult): void => {
  const { statusCode, body } = result;
  if (!Number.isInteger(statusCode) || statusCode < 200 || statusCode > 599) {
    throw new Error('answered without a status');
  }
  if (typeof body !== 'string') throw new Error('answered without a body');
  for (const [name, values] of replyHeadersOf(result)) {
    validateHeaderName(name);
    for (const value of values) validateHeaderValue(name, value);
  }
};

const describeError = (error: unknown): string => {
  if (!(error instanceof Error)) return 'threw what is no error';
  const [, ...frames] = (error.stack ?? '').split(/\n\s+at /);
  return [error.name, ...frames.slice(0, 5)].join(' at ');
};

/**
 * Calls the handler and always returns a reply. A failure is reported in one line without the
 * error's message, which may quote a request. If the function failed, it is unknown whether it had
 * already written.
 */
export const invoke = async (
  handler: Handler,
  route: Route,
  event: APIGatewayProxyEvent,
  requestId: string,
  report: (line: string) => void,
): Promise<APIGatewayProxyResult> => {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('timed out')), route.timeoutMs).unref();
  });
  try {
    const result = await Promise.race([handler(event, toContext(route, requestId)), timeout]);
    checkIsReply(result);
    return result;
  } catch (error) {
    report(`the function ${route.operation} failed (${requestId}): ${describeError(error)}`);
    const unknown = new ApiError('outcome_unknown', 'the function gave no answer');
    return problem(unknown, requestId, readRequest(event));
  } finally {
    clearTimeout(timer);
  }
};
