import type { APIGatewayProxyResult, Context } from 'aws-lambda';
import { type Event, readRequest } from './http/requests.ts';
import { problem, reply } from './http/responses.ts';
import { ApiError } from './model/errors.ts';
import { machineClock } from './runtime/clock.ts';
import { isReady } from './runtime/readiness.ts';
import { openJournal } from './runtime/request-journal.ts';

let wasReady = false;

/**
 * GET /health: answers as soon as the function runs, without calling any service (`GET /v1/status`
 * does). With `?ready`, answers whether this process can serve requests. Such probes are frequent,
 * so only the first that finds it no longer ready is logged.
 */
export const handler = async (
  event: Event,
  { awsRequestId: requestId }: Pick<Context, 'awsRequestId'>,
): Promise<APIGatewayProxyResult> => {
  const began = machineClock.elapsed();
  const { query, gatewayRequestId } = readRequest(event);
  const isProbe = query.some(([name]) => name === 'ready');
  const error =
    isProbe && !(await isReady())
      ? new ApiError('store_unavailable', 'this process cannot serve requests now')
      : undefined;
  const result =
    error === undefined
      ? reply({ status: 200, body: { status: 'ok' } }, requestId)
      : problem(error, requestId);
  const isLogged = !isProbe || (wasReady && error !== undefined);
  if (isProbe) wasReady = error === undefined;
  if (isLogged) {
    const elapsedMs = machineClock.elapsed() - began;
    const summary = { principal: undefined, status: result.statusCode, error, elapsedMs };
    openJournal('get-health', requestId, gatewayRequestId).close(summary);
  }
  return result;
};
