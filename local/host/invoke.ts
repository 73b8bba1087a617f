/** Runs a function as Lambda does: with a time limit, and with a valid reply in every case. */
import { validateHeaderName, validateHeaderValue } from 'node:http';
import type { APIGatewayProxyEvent, APIGatewayProxyResult, Context } from 'aws-lambda';
import { problem } from '../../functions/http/responses.ts';
import { VaultError } from '../../functions/model/errors.ts';
import { toContext } from './event.ts';
import type { Route } from './template.ts';

export type Handler = (
  event: APIGatewayProxyEvent,
  context: Context,
) => Promise<APIGatewayProxyResult>;

/** Returns the headers with all their values; `multiValueHeaders` go before `headers`. */
export const headersOf = (result: APIGatewayProxyResult): [string, string[]][] =>
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
  for (const [name, values] of headersOf(result)) {
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
 * Calls the handler and always returns a reply. A failure is reported in one line without the error's message, which
 * may quote a request. If the function failed, it is unknown whether it had already written.
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
    return problem(new VaultError('outcome_unknown', 'the function gave no answer'), requestId);
  } finally {
    clearTimeout(timer);
  }
};
