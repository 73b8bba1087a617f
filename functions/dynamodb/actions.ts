/**
 * Translates guards into actions of DynamoDB, and its reasons for refusing a write into judgements
 * of the guards.
 */
import type { CancellationReason, TransactWriteItem } from '@aws-sdk/client-dynamodb';
import type { Item, ItemKey } from '../store/items.ts';
import type { Expected, Guard, Judged } from '../store/ports.ts';
import { passingReasons } from './calls.ts';

export const keyOf = ({ pk, sk }: ItemKey) => ({ pk: { S: pk }, sk: { S: sk } });

const conditionOf = (expected: Expected) => {
  switch (expected.is) {
    case 'absent':
      return { ConditionExpression: 'attribute_not_exists(pk)' };
    case 'expired':
      return {
        ConditionExpression: 'attribute_not_exists(pk) OR expiresAt < :now',
        ExpressionAttributeValues: { ':now': { N: String(expected.second) } },
      };
    case 'version':
      return {
        ConditionExpression: 'version = :version AND writeId = :writeId AND #state = :state',
        ExpressionAttributeNames: { '#state': 'state' },
        ExpressionAttributeValues: {
          ':version': { N: String(expected.version) },
          ':writeId': { S: expected.writeId },
          ':state': { S: expected.state },
        },
      };
    case 'write':
      return {
        ConditionExpression: 'writeId = :writeId AND #state = :state',
        ExpressionAttributeNames: { '#state': 'state' },
        ExpressionAttributeValues: {
          ':writeId': { S: expected.writeId },
          ':state': { S: expected.state },
        },
      };
  }
};

/** The put of a guard. If its condition fails, DynamoDB returns the item that is there. */
export const putOf = (TableName: string, expected: Expected, item: Item) => ({
  ...{ TableName, Item: item },
  ...conditionOf(expected),
  ReturnValuesOnConditionCheckFailure: 'ALL_OLD' as const,
});

/**
 * The action of a guard in a transaction. If a guard without `put` fails, DynamoDB does not return
 * the item that is there, because the outcome of the write does not depend on that item.
 */
export const actionOf = (TableName: string, { key, expected, put }: Guard): TransactWriteItem =>
  put
    ? { Put: putOf(TableName, expected, put) }
    : { ConditionCheck: { TableName, Key: keyOf(key), ...conditionOf(expected) } };

/**
 * What a cancelled transaction says about each guard. DynamoDB's reasons are in the order of the
 * actions.
 */
export const judgedBy = (
  guards: readonly Guard[],
  reasons: readonly CancellationReason[],
): readonly Judged[] =>
  guards.map((_, index) => {
    const { Code, Item: item } = reasons[index] ?? {};
    if (Code === 'ConditionalCheckFailed') return { is: 'failed', item: item };
    return { is: passingReasons.has(Code) ? 'unchecked' : 'held' };
  });
