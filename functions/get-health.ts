import type { APIGatewayProxyResult, Context } from 'aws-lambda';
import { reply } from './http/responses.ts';

/** GET /health: the function runs. Asks nothing and nobody; `GET /v1/status` does. */
export const handler = async (
  _event: unknown,
  { awsRequestId }: Pick<Context, 'awsRequestId'>,
): Promise<APIGatewayProxyResult> => reply({ status: 200, body: { status: 'ok' } }, awsRequestId);
