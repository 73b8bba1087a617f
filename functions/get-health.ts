import type { APIGatewayProxyResult, Context } from 'aws-lambda';
import { type Event, readRequest } from './http/requests.ts';
import { problem, reply } from './http/responses.ts';
import { VaultError } from './model/errors.ts';
import { machineClock } from './runtime/clock.ts';
import { openJournal } from './runtime/journal.ts';
import { isReady } from './runtime/readiness.ts';

let wasReady = false;

/**
 * GET /health: the function runs. Only `GET /v1/status` calls services. With `?ready`: this process would
 * serve. Of these frequent probes the log has only the first that finds the process not ready.
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
      ? new VaultError('store_unavailable', 'the process would not serve')
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
