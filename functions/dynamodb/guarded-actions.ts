/**
 * The guarded actions of a transaction, and the meaning of their failed conditions. A failed condition returns
 * the blocking item (ALL_OLD). So this request's own write can be told from another's without reading the head
 * again.
 */
import type { TransactWriteItem } from '@aws-sdk/client-dynamodb';
import { VaultError } from '../model/errors.ts';
import type { Principal, StoredVersion } from '../model/types.ts';
import type { RequestContext, Store, Write, WriteOutcome } from '../vault/ports.ts';
import { passingReasons } from './calls.ts';
import {
  decodeHead,
  decodeRecord,
  encodeHead,
  encodeRecord,
  encodeVersion,
  headSortKey,
  type Item,
  recordKey,
  secretPartition,
} from './items.ts';
import { outcomeOfCreate, outcomeOfRecord, outcomeOfUpdate } from './outcome.ts';

export const allOld = { ReturnValuesOnConditionCheckFailure: 'ALL_OLD' } as const;
export const ifAbsent = { ConditionExpression: 'attribute_not_exists(pk)' } as const;

/** Why an action of a cancelled transaction failed. DynamoDB lists the reasons in the order of the actions. */
type Reason = { readonly Code?: string | undefined; readonly Item?: Item | undefined };
/** An action and the meaning of its failed condition, kept together so that they cannot drift apart. */
type GuardedAction = {
  readonly action: TransactWriteItem;
  /**
   * The order in which failed conditions count: the record first, because it may show a repetition, then heads, then
   * the rest. A condition that met a conflict was not evaluated. Then no later rank counts, and the write is retried.
   */
  readonly rank: 'record' | 'head' | 'rest';
  readonly outcomeOf: (reason: Reason) => Promise<WriteOutcome> | WriteOutcome;
};

/** Distinguishes this request's own writes from others' by the stored item. */
export const outcomesOf = (
  { findVersion }: Pick<Store, 'findVersion'>,
  context: RequestContext,
  principal: Principal,
) => {
  const versions = (name: string) => (version: number) =>
    findVersion(context, principal, name, version, 'settled');
  return {
    create: (name: string, shown: StoredVersion | undefined) =>
      outcomeOfCreate(context.writeId, shown, versions(name)),
    update: (base: StoredVersion, shown: StoredVersion | undefined) =>
      outcomeOfUpdate(context.writeId, base, shown, versions(base.name)),
  };
};

type Outcomes = ReturnType<typeof outcomesOf>;

/** The actions of a write in one transaction. DynamoDB gives its reasons in the same order. */
export const actionsOf = (
  tableName: string,
  outcomes: Outcomes,
  context: RequestContext,
  principal: Principal,
  { creates, update, unchanged, record }: Write,
): GuardedAction[] => {
  const shown = (name: string, reason: Reason) => decodeShown(principal, name, reason);
  const put = (Item: Item, condition: object = ifAbsent) => ({
    Put: { TableName: tableName, Item, ...condition, ...allOld },
  });
  return [
    ...(record ? [recordAction(put, context, principal, record)] : []),
    ...(update
      ? [
          {
            action: put(encodeHead(update.next), ifExactly(update.base)),
            rank: 'head' as const,
            outcomeOf: (reason: Reason) =>
              outcomes.update(update.base, shown(update.base.name, reason)),
          },
          {
            action: put(encodeVersion(update.base, update.next.validFrom)),
            rank: 'rest' as const,
            outcomeOf: () => {
              throw new VaultError('integrity_failure', 'a version exists beyond the head');
            },
          },
        ]
      : []),
    ...creates.map((first) => ({
      action: put(encodeHead(first)),
      rank: 'head' as const,
      outcomeOf: (reason: Reason) => outcomes.create(first.name, shown(first.name, reason)),
    })),
    ...unchanged.map((head) => ({
      action: { ConditionCheck: checkOf(tableName, head) },
      rank: 'rest' as const,
      outcomeOf: () => ({ outcome: 'raced' }) as const,
    })),
  ];
};

const ranks: readonly GuardedAction['rank'][] = ['record', 'head', 'rest'];

/** The outcome of a cancelled transaction. The first failed condition decides, in the order of the ranks. */
export const outcomeOfCancelled = async (
  actions: readonly GuardedAction[],
  reasons: readonly Reason[],
): Promise<WriteOutcome> => {
  const evaluated = actions.map(({ rank, outcomeOf }, index) => ({
    rank,
    outcomeOf,
    reason: reasons[index],
  }));
  for (const rank of ranks) {
    const alike = evaluated.filter((each) => each.rank === rank);
    const failed = alike.find(({ reason }) => reason?.Code === 'ConditionalCheckFailed');
    if (failed?.reason) return await failed.outcomeOf(failed.reason);
    if (alike.some(({ reason }) => passingReasons.has(reason?.Code))) {
      return { outcome: 'refused', reason: 'throttled' };
    }
  }
  throw new VaultError('internal', 'DynamoDB cancelled a transaction as malformed');
};

const recordAction = (
  put: (item: Item, condition: object) => TransactWriteItem,
  context: RequestContext,
  principal: Principal,
  { hash, record }: NonNullable<Write['record']>,
): GuardedAction => {
  const key = recordKey(principal, hash);
  const condition = {
    ConditionExpression: 'attribute_not_exists(pk) OR expiresAt < :now',
    ExpressionAttributeValues: { ':now': { N: String(Math.floor(context.now / 1000)) } },
  };
  return {
    action: put(encodeRecord(key, record), condition),
    rank: 'record',
    outcomeOf: ({ Item: item }) => {
      if (!item)
        throw new VaultError('integrity_failure', 'the store did not return the stored record');
      return outcomeOfRecord(context.writeId, decodeRecord(item, key));
    },
  };
};

const ifExactly = ({ version, writeId }: StoredVersion) => ({
  ConditionExpression: 'version = :version AND writeId = :writeId',
  ExpressionAttributeValues: { ':version': { N: String(version) }, ':writeId': { S: writeId } },
});

const checkOf = (tableName: string, head: StoredVersion) => ({
  TableName: tableName,
  Key: { pk: { S: secretPartition(head.tenant, head.name) }, sk: { S: headSortKey } },
  ...ifExactly(head),
});

/** The head of `name` that blocked a condition, if DynamoDB returned it. */
export const decodeShown = (
  { tenant }: Principal,
  name: string,
  { Item: item }: { readonly Item?: Item | undefined },
): StoredVersion | undefined => item && decodeHead(item, tenant, name);
