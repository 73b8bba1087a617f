/**
 * One call to DynamoDB: its time limit, its report to the journal, and the meaning of its failure. The client
 * makes one attempt. All retries are the vault's own, so that the request's time bounds them and they never hide
 * an unclear write.
 */
import { type DynamoDBClient, TransactionCanceledException } from '@aws-sdk/client-dynamodb';
import { VaultError } from '../model/errors.ts';
import { times } from '../model/limits.ts';
import type { RequestContext } from '../vault/ports.ts';
import { startBackoff, throttled } from '../vault/retries.ts';

type Capacity = { readonly CapacityUnits?: number | undefined };

/** A call of the client, given the signal that ends it. */
export type Send<Result extends object> = (
  client: DynamoDBClient,
  options: { readonly abortSignal: AbortSignal },
) => Promise<Result>;

/** Makes one call, which ends by `endByMs` of the request. Throws what the client throws. */
export const callOnce = async <Result extends object>(
  client: DynamoDBClient,
  context: RequestContext,
  operation: string,
  send: Send<Result>,
  endByMs: number = times.answerByMs,
): Promise<Result> => {
  const limit = Math.max(1, Math.min(times.storeCallMs, endByMs - context.elapsed()));
  let units = 0;
  try {
    const output = await context.storeTime.during(() =>
      send(client, { abortSignal: context.clock.signalAfter(limit) }),
    );
    requireAnswer(output);
    units = unitsOf(output);
    return output;
  } finally {
    context.journal.called('store', operation, units);
  }
};

/**
 * Each call asks for its consumed capacity, or for the table, so a reply of DynamoDB is never empty. An empty reply
 * comes from a proxy, and would be taken for "written" or "not found" here.
 */
const requireAnswer = ({ $metadata, ...told }: { readonly $metadata?: object }): void => {
  if (Object.keys(told).length > 0) return;
  throw Object.assign(new Error('the reply is empty'), { $metadata });
};

/** A single call reports one consumption, a transaction reports a list, and DescribeTable reports none. */
const unitsOf = (output: { ConsumedCapacity?: Capacity | readonly Capacity[] | undefined }) =>
  [output.ConsumedCapacity ?? []]
    .flat()
    .reduce((sum, { CapacityUnits }) => sum + (CapacityUnits ?? 0), 0);

/** Reads, with retries while there is time. Throws `throttled` or `store_unavailable`. */
export const read = async <Result extends object>(
  client: DynamoDBClient,
  context: RequestContext,
  operation: string,
  send: Send<Result>,
): Promise<Result> => {
  const backoff = startBackoff(context);
  for (let failures = 0; ; ) {
    try {
      return await callOnce(client, context, operation, send);
    } catch (error) {
      const failure = classifyFailure(error);
      if (failure !== 'throttled') failures += 1;
      if (failures < times.failedAttemptsMax && (await backoff())) continue;
      if (failure === 'throttled') throw throttled();
      throw new VaultError('store_unavailable', 'the store cannot be reached', { cause: error });
    }
  }
};

/**
 * The meaning of a failed call for its effect.
 * `throttled`, `unavailable`: it had no effect and never will. `unclear`: it may have had one, or may still have one.
 * Throws `internal` for a request that DynamoDB calls malformed, which is our bug.
 */
export const classifyFailure = (error: unknown): 'throttled' | 'unavailable' | 'unclear' => {
  const { name, code, status } = facts(error);
  // A vault node that does not serve refuses a request before it sends anything to etcd.
  if (name === 'NotServedException') return 'unavailable';
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
