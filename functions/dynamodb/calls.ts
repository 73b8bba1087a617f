/**
 * One call to DynamoDB: its time limit, its report to the journal, and the meaning of its failure.
 * The client makes a single attempt. Only the vault retries, so that retries stay within the
 * request's time and never hide an unclear write.
 */
import {
  type DynamoDBClient,
  type ServiceInputTypes,
  type ServiceOutputTypes,
  TransactionCanceledException,
} from '@aws-sdk/client-dynamodb';
import type { SmithyResolvedConfiguration } from '@smithy/core/client';
import type { Command, HttpHandlerOptions } from '@smithy/types';
import { ApiError } from '../model/errors.ts';
import { times } from '../model/limits.ts';
import { callStore } from '../store/store-call.ts';
import type { RequestContext } from '../vault/request.ts';
import { limitCall } from '../vault/retries.ts';

type Capacity = { readonly CapacityUnits?: number | undefined };

export type Table = {
  readonly client: DynamoDBClient;
  readonly tableName: string;
  readonly context: RequestContext;
};

type TableCommand<Input extends ServiceInputTypes, Output extends ServiceOutputTypes> = Command<
  ServiceInputTypes,
  Input,
  ServiceOutputTypes,
  Output,
  SmithyResolvedConfiguration<HttpHandlerOptions>
>;

/**
 * Makes one call, which ends after at most `times.storeCallMs` and by `endByMs` of the request.
 * Throws what the client throws, or an error for an empty reply.
 */
export const callOnce = async <Input extends ServiceInputTypes, Output extends ServiceOutputTypes>(
  { client, context }: Table,
  operation: string,
  command: TableCommand<Input, Output>,
  endByMs: number = times.answerByMs,
): Promise<Output> => {
  return await callStore(context, operation, async () => {
    const output = await limitCall(context, times.storeCallMs, endByMs, (abortSignal) =>
      client.send(command, { abortSignal }),
    );
    requireAnswer(output);
    return { result: output, units: unitsOf(output) };
  });
};

/**
 * Every call asks for its consumed capacity or describes the table, so DynamoDB's reply is never
 * empty. An empty reply comes from a proxy, and would pass for "written" or "not found".
 */
const requireAnswer = ({ $metadata, ...told }: { readonly $metadata?: object }): void => {
  if (Object.keys(told).length > 0) return;
  throw Object.assign(new Error('the reply is empty'), { $metadata });
};

/**
 * The capacity units of a reply. Calls for one item and queries report one consumption,
 * transactions and batches report a list, and DescribeTable reports none.
 */
const unitsOf = (output: object): number => {
  const { ConsumedCapacity: used }: { ConsumedCapacity?: Capacity | readonly Capacity[] } = output;
  return [used ?? []].flat().reduce((sum, { CapacityUnits }) => sum + (CapacityUnits ?? 0), 0);
};

/**
 * What a failed call means for its effect. `throttled` and `unavailable`: it had none and never
 * will. `unclear`: it may have had one, or still may. Throws `internal` if DynamoDB calls the
 * request malformed, which is a bug of ours.
 */
export const classifyFailure = (error: unknown): 'throttled' | 'unavailable' | 'unclear' => {
  const { name, code, status } = facts(error);
  if (status !== undefined && status >= 500) return 'unclear';
  // The reply is incomplete or not from DynamoDB, so it says nothing about the request.
  if (name === 'SyntaxError' || (status !== undefined && status < 400)) return 'unclear';
  if (throttling.has(name) || isPassingCancellation(error)) return 'throttled';
  if (neverSent.has(code) || name === 'CredentialsProviderError') return 'unavailable';
  if (status === undefined || name === 'TransactionInProgressException') return 'unclear';
  if (refused.has(name)) return 'unavailable';
  throw new ApiError('internal', 'DynamoDB refused a request as malformed', { cause: error });
};

const throttling = new Set([
  'ThrottlingException',
  'ProvisionedThroughputExceededException',
  'RequestLimitExceeded',
  'LimitExceededException',
  'TransactionConflictException',
]);

/** The transient reasons for which a transaction is cancelled, be it of reads or of writes. */
export const passingReasons: ReadonlySet<string | undefined> = new Set([
  'TransactionConflict',
  'ThrottlingError',
  'ProvisionedThroughputExceeded',
]);

/**
 * Whether DynamoDB cancelled a transaction for a transient reason. It cancels a transaction of
 * reads too, if one of its items is being written.
 */
const isPassingCancellation = (error: unknown): boolean =>
  error instanceof TransactionCanceledException &&
  (error.CancellationReasons ?? []).some(({ Code }) => passingReasons.has(Code));

/** No connection was made, so nothing was sent. */
const neverSent = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN']);

/** DynamoDB refuses a request with these errors before it looks at any item, so nothing changed. */
const refused = new Set([
  'ResourceNotFoundException',
  'AccessDeniedException',
  'UnrecognizedClientException',
  'InvalidSignatureException',
  'IncompleteSignatureException',
  'MissingAuthenticationTokenException',
  'ExpiredTokenException',
]);

const facts = (error: unknown) => {
  const { name, code, $metadata } = (typeof error === 'object' && error !== null ? error : {}) as {
    name?: unknown;
    code?: unknown;
    $metadata?: { httpStatusCode?: number };
  };
  return { name: String(name), code: String(code), status: $metadata?.httpStatusCode };
};
