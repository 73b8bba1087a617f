/**
 * The writing half of the store: one attempt of a guarded write, and its outcome. Conditions alone decide about
 * existence and versions.
 */
import {
  ConditionalCheckFailedException,
  type DynamoDBClient,
  PutItemCommand,
  TransactionCanceledException,
  TransactWriteItemsCommand,
} from '@aws-sdk/client-dynamodb';
import { VaultError } from '../model/errors.ts';
import { times } from '../model/limits.ts';
import type { Principal, SealedVersion } from '../model/types.ts';
import type { RequestContext, Store, WriteOutcome } from '../vault/ports.ts';
import { callOnce, classifyFailure } from './calls.ts';
import {
  actionsOf,
  allOld,
  decodeShown,
  ifAbsent,
  outcomeOfCancelled,
  outcomesOf,
} from './guarded-actions.ts';
import { encodeHead } from './items.ts';
import { outcomeOfRecord } from './outcome.ts';

const capacity = { ReturnConsumedCapacity: 'TOTAL' } as const;

type Writes = Pick<Store, 'write' | 'lookUp'>;

export const createWrites = (
  client: DynamoDBClient,
  tableName: string,
  reads: Pick<Store, 'findHead' | 'findVersion' | 'findRecord'>,
): Writes => {
  const putFirst = async (
    context: RequestContext,
    principal: Principal,
    first: SealedVersion,
  ): Promise<WriteOutcome> => {
    const put = { TableName: tableName, Item: encodeHead(first), ...ifAbsent, ...allOld };
    const command = new PutItemCommand({ ...put, ...capacity });
    try {
      await callOnce(
        client,
        context,
        'PutItem',
        (dynamodb, options) => dynamodb.send(command, options),
        times.attemptsEndMs,
      );
      return { outcome: 'written' };
    } catch (error) {
      if (!(error instanceof ConditionalCheckFailedException)) return outcomeOf(error);
      const shown = decodeShown(principal, first.name, error);
      return await outcomesOf(reads, context, principal).create(first.name, shown);
    }
  };

  return {
    async write(context, principal, write) {
      const { creates, update, unchanged, record } = write;
      const [only] = creates;
      if (only && creates.length === 1 && !update && !record && unchanged.length === 0) {
        return await putFirst(context, principal, only);
      }
      const outcomes = outcomesOf(reads, context, principal);
      const actions = actionsOf(tableName, outcomes, context, principal, write);
      const command = new TransactWriteItemsCommand({
        TransactItems: actions.map(({ action }) => action),
        ...capacity,
      });
      try {
        await callOnce(
          client,
          context,
          'TransactWriteItems',
          (dynamodb, options) => dynamodb.send(command, options),
          times.attemptsEndMs,
        );
        return { outcome: 'written' };
      } catch (error) {
        if (!(error instanceof TransactionCanceledException)) return outcomeOf(error);
        return await outcomeOfCancelled(actions, error.CancellationReasons ?? []);
      }
    },

    async lookUp(context, principal, { creates, update, record }) {
      const name = update?.base.name ?? creates[0]?.name;
      if (name === undefined) {
        if (!record) throw new VaultError('internal', 'a write of nothing');
        const stored = await reads.findRecord(context, principal, record.hash);
        return outcomeOfRecord(context.writeId, stored);
      }
      const head = await reads.findHead(context, principal, name);
      const outcomes = outcomesOf(reads, context, principal);
      return update ? await outcomes.update(update.base, head) : await outcomes.create(name, head);
    },
  };
};

const outcomeOf = (error: unknown): WriteOutcome => {
  const failure = classifyFailure(error);
  return failure === 'unclear'
    ? { outcome: failure, cause: error }
    : { outcome: 'refused', reason: failure, cause: error };
};
