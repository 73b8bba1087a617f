/**
 * One call to DynamoDB: its time limit, its report to the journal, and the meaning of its failure. The client
 * makes one attempt. All retries are the vault's own, so that the request's time bounds them and they never
 * hide an unclear write.
 */
import {
  type DynamoDBClient,
  type ServiceInputTypes,
  type ServiceOutputTypes,
  TransactionCanceledException,
} from '@aws-sdk/client-dynamodb';
import type { SmithyResolvedConfiguration } from '@smithy/core/client';
import type { Command, HttpHandlerOptions } from '@smithy/types';
import { VaultError } from '../model/errors.ts';
import { times } from '../model/limits.ts';
import type { RequestContext } from '../vault/request.ts';
import { limitCall } from '../vault/retries.ts';

type Capacity = { readonly CapacityUnits?: number | undefined };

/** The table, as one request reaches it. */
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

/** Makes one call, which ends by `endByMs` of the request. Throws what the client throws. */
export const callOnce = async <Input extends ServiceInputTypes, Output extends ServiceOutputTypes>(
  { client, context }: Table,
  operation: string,
  command: TableCommand<Input, Output>,
  endByMs: number = times.answerByMs,
): Promise<Output> => {
  let units = 0;
  try {
    const output = await context.storeTime.during(() =>
      limitCall(context, times.storeCallMs, endByMs, (abortSignal) =>
        client.send(command, { abortSignal }),
      ),
    );
    requireAnswer(output);
    units = unitsOf(output);
    return output;
  } finally {
    context.journal.called('store', operation, units);
  }
};

/**
 * Each call asks for its consumed capacity, or for the table, so a reply of DynamoDB is never empty. An empty
 * reply comes from a proxy, and would be taken for "written" or "not found" here.
 */
const requireAnswer = ({ $metadata, ...told }: { readonly $metadata?: object }): void => {
  if (Object.keys(told).length > 0) return;
  throw Object.assign(new Error('the reply is empty'), { $metadata });
};

/** A single call reports one consumption, a transaction reports a list, and DescribeTable reports none. */
const unitsOf = (output: object): number => {
  const { ConsumedCapacity: used }: { ConsumedCapacity?: Capacity | readonly Capacity[] } = output;
  return [used ?? []].flat().reduce((sum, { CapacityUnits }) => sum + (CapacityUnits ?? 0), 0);
};

/**
 * The meaning of a failed call for its effect. `throttled`, `unavailable`: it had no effect and never will.
 * `unclear`: it may have had one, or may still have one. Throws `internal` for a request that DynamoDB calls
 * malformed, which is our bug.
 */
export const classifyFailure = (error: unknown): 'throttled' | 'unavailable' | 'unclear' => {
  const { name, code, status } = facts(error);
  if (status !== undefined && status >= 500) return 'unclear';
  // The reply is not DynamoDB's, or it is incomplete, so the outcome of the request is unknown.
  if (name === 'SyntaxError' || (status !== undefined && status < 400)) return 'unclear';
  if (throttling.has(name) || isPassingCancellation(error)) return 'throttled';
  if (neverSent.has(code) || name === 'CredentialsProviderError') return 'unavailable';
  if (status === undefined || name === 'TransactionInProgressException') return 'unclear';
  if (refused.has(name)) return 'unavailable';
  throw new VaultError('internal', 'DynamoDB refused a request as malformed', { cause: error });
};

const throttling = new Set([
  'ThrottlingException',
  'ProvisionedThroughputExceededException',
  'RequestLimitExceeded',
  'LimitExceededException',
  'TransactionConflictException',
]);

/** The transient reasons of a cancelled transaction, of reads or of writes. */
export const passingReasons: ReadonlySet<string | undefined> = new Set([
  'TransactionConflict',
  'ThrottlingError',
  'ProvisionedThroughputExceeded',
]);

/** DynamoDB also cancels a transaction of reads that meets a write of one of its items. */
const isPassingCancellation = (error: unknown): boolean =>
  error instanceof TransactionCanceledException &&
  (error.CancellationReasons ?? []).some(({ Code }) => passingReasons.has(Code));

/** No connection was made, so nothing was sent. */
const neverSent = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN']);

/** DynamoDB refuses these requests before it looks at any item. */
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
