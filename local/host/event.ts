/** Turns an HTTP request into the event of a REST API that a function gets behind API Gateway. */
import type { APIGatewayProxyEvent, Context } from 'aws-lambda';
import type { Route } from './template.ts';

export type Received = {
  readonly method: string;
  /** Path and query as they were sent. */
  readonly target: string;
  /** Names and values in turn, as they were sent, including repeated headers. */
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

/** Returns an upper bound of the number of query parameters, without making a list of them. */
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
 * Makes the event. The body is base64, as with the template's binary media types; names in the path are not decoded.
 */
export const toEvent = (
  { method, target, rawHeaders, body, sourceIp }: Received,
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

/** Makes the context that Lambda would pass to a function. */
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
