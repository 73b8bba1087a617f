import type { APIGatewayProxyResult, Context } from 'aws-lambda';
import { reply } from './http/responses.ts';
import { machineClock } from './runtime/clock.ts';
import { openJournal } from './runtime/journal.ts';

/** GET /health: the function runs. It calls no service; `GET /v1/status` does. */
export const handler = async (
  _event: unknown,
  { awsRequestId }: Pick<Context, 'awsRequestId'>,
): Promise<APIGatewayProxyResult> => {
  const began = machineClock.elapsed();
  const result = reply({ status: 200, body: { status: 'ok' } }, awsRequestId);
  const elapsedMs = machineClock.elapsed() - began;
  const summary = { principal: undefined, status: result.statusCode, error: undefined, elapsedMs };
  openJournal('get-health', awsRequestId).close(summary);
  return result;
};
