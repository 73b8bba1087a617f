import { type DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb';
import { describe, expect, it } from '@jest/globals';
import { callOnce, classifyFailure } from '../../../functions/dynamodb/calls.ts';
import { createDynamodbItems } from '../../../functions/dynamodb/dynamodb-items.ts';
import { createStore } from '../../../functions/store/store.ts';
import { requestContext, someone, vaultId } from '../../support/requests.ts';
import { virtualClock } from '../../support/virtual-clock.ts';

/**
 * An error as the SDK throws it for a reply with this status. Without a status, there was no reply.
 */
const failure = (name: string, status?: number, code?: string): Error =>
  Object.assign(new Error('c4n4ry'), {
    name,
    ...(code !== undefined && { code }),
    $metadata: { httpStatusCode: status },
  });

describe('classifyFailure', () => {
  it.each([
    'ThrottlingException',
    'ProvisionedThroughputExceededException',
    'RequestLimitExceeded',
    'LimitExceededException',
    'TransactionConflictException',
  ])('returns throttled for %s', (name) => {
    expect(classifyFailure(failure(name, 400))).toBe('throttled');
  });

  it.each([
    'ResourceNotFoundException',
    'AccessDeniedException',
    'UnrecognizedClientException',
    'InvalidSignatureException',
    'IncompleteSignatureException',
    'MissingAuthenticationTokenException',
    'ExpiredTokenException',
  ])('returns unavailable for %s', (name) => {
    expect(classifyFailure(failure(name, 400))).toBe('unavailable');
  });

  it.each([
    ['there was no connection', failure('Error', undefined, 'ECONNREFUSED')],
    ['the name of the host has no address', failure('Error', undefined, 'ENOTFOUND')],
    ['the name server cannot be asked', failure('Error', undefined, 'EAI_AGAIN')],
    ['there were no credentials to sign the request', failure('CredentialsProviderError')],
  ])('returns unavailable if %s', (_, error) => {
    expect(classifyFailure(error)).toBe('unavailable');
  });

  it.each([
    ['the connection was lost', failure('Error', undefined, 'ECONNRESET')],
    ['the call timed out', failure('TimeoutError')],
    ['DynamoDB failed', failure('InternalServerError', 500)],
    ['a proxy in front of DynamoDB throttles', failure('ThrottlingException', 503)],
    ['the same transaction is under way', failure('TransactionInProgressException', 400)],
    ['the reply is not JSON', failure('SyntaxError', 400)],
    ['the reply is empty', failure('Error', 200)],
    ['the reply is a redirect', failure('Error', 302)],
    ['the thrown value is not an error', undefined],
  ])('returns unclear if %s', (_, error) => {
    expect(classifyFailure(error)).toBe('unclear');
  });

  it.each(['ValidationException', 'SerializationException', 'UnknownOperationException'])(
    'throws internal for %s, which would be a bug of the vault',
    (name) => {
      expect(() => classifyFailure(failure(name, 400))).toThrow(
        expect.objectContaining({ code: 'internal' }),
      );
    },
  );
});

/** Makes calls with a client that answers by `script`. Its last entry answers all further calls. */
const scripted = (...script: (object | Error)[]) => {
  const clock = virtualClock();
  const context = requestContext({ clock });
  const rest = [...script];
  const send = async () => {
    const answer = rest.length > 1 ? rest.shift() : rest[0];
    if (answer === undefined || answer instanceof Error) throw answer;
    return answer;
  };
  const client = { send } as unknown as DynamoDBClient;
  const table = { client, tableName: 'vault', context };
  const store = createStore(createDynamodbItems(client, 'vault'), vaultId);
  const command = new GetItemCommand({ TableName: 'vault', Key: {} });
  return {
    clock,
    context,
    once: (endByMs?: number) => callOnce(table, 'GetItem', command, endByMs),
    read: () => store.for(context, someone()).findHead('DB'),
  };
};
const answer = { ConsumedCapacity: { CapacityUnits: 1.5 } };

describe('a call to DynamoDB', () => {
  it.each([
    [0, undefined, 2_500],
    [9_000, undefined, 900],
    [9_900, undefined, 1],
    [12_000, undefined, 1],
    [8_000, 9_000, 1_000],
  ])(
    'that starts %d ms into a request, with its end due at %p ms, has a time limit of %d ms',
    async (at, endByMs, left) => {
      const { clock, once } = scripted(answer);
      clock.advance(at);
      await once(endByMs);
      expect(clock.timers).toEqual([left]);
    },
  );

  it('is in the journal with the units that it consumed, single or in a list, and without units if it fails', async () => {
    const list = { ConsumedCapacity: [{ CapacityUnits: 2 }, {}, { CapacityUnits: 4 }] };
    const { context, once } = scripted(answer, list, { Table: {} }, failure('Error', 500));
    await once();
    await once();
    await once();
    await expect(once()).rejects.toThrow('c4n4ry');
    expect(context.journal.storeCalls).toEqual(Array(4).fill('GetItem'));
    expect(context.journal.units()).toBe(7.5);
  });

  it('fails if the reply is empty', async () => {
    await expect(scripted({ $metadata: {} }).once()).rejects.toThrow('the reply is empty');
  });
});

describe('a read from DynamoDB', () => {
  it('makes three attempts if the store fails', async () => {
    const { context, read } = scripted(failure('InternalServerError', 500));
    await expect(read()).rejects.toMatchObject({ code: 'store_unavailable' });
    expect(context.journal.storeCalls).toHaveLength(3);
  });

  it('retries throttling until its time is over, and then fails as throttled', async () => {
    const { clock, context, read } = scripted(failure('ThrottlingException', 400));
    await expect(read()).rejects.toMatchObject({ code: 'throttled' });
    expect(context.journal.storeCalls.length).toBeGreaterThan(30);
    expect(clock.elapsed()).toBeLessThan(8_000);
  });

  it('does not count throttling among its three attempts', async () => {
    const throttled = failure('ThrottlingException', 400);
    const failed = failure('InternalServerError', 500);
    const { read } = scripted(throttled, throttled, throttled, failed, throttled, failed, answer);
    expect(await read()).toBeUndefined();
  });
});
