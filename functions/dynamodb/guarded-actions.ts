/**
 * The guarded actions of a transaction, and the meaning of their failed conditions. A failed condition
 * returns the blocking item (ALL_OLD). So this request's own write can be told from another's without reading
 * the head again.
 */
import type { TransactWriteItem } from '@aws-sdk/client-dynamodb';
import { VaultError } from '../model/errors.ts';
import type { Head, StoredVersion } from '../model/types.ts';
import type { Store, Write, WriteOutcome } from '../vault/ports.ts';
import { ownerOf, passingReasons, type Table } from './calls.ts';
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
  versionSortKey,
} from './items.ts';
import { outcomeOfChange, outcomeOfRecord } from './outcome.ts';

export const allOld = { ReturnValuesOnConditionCheckFailure: 'ALL_OLD' } as const;
export const ifAbsent = { ConditionExpression: 'attribute_not_exists(pk)' } as const;

/** Why an action of a cancelled transaction failed. The reasons have the order of the actions. */
type Reason = { readonly Code?: string | undefined; readonly Item?: Item | undefined };
/** An action and the meaning of its failed condition, kept together so that they cannot drift apart. */
type GuardedAction = {
  readonly action: TransactWriteItem;
  /**
   * The order in which failed conditions count: the record, which may show a repetition, then heads, then the
   * rest. If a conflict left a condition unchecked, later ranks do not count and the write is retried.
   */
  readonly rank: 'record' | 'head' | 'rest';
  readonly outcomeOf: (reason: Reason) => Promise<WriteOutcome> | WriteOutcome;
};

type PutAction = (item: Item, condition: object) => TransactWriteItem;

/** The actions of a write in one transaction. DynamoDB gives its reasons in the same order. */
export const actionsOf = (
  table: Table,
  versions: Pick<Store, 'findVersion'>,
  { changes, unchanged, record }: Write,
): GuardedAction[] => {
  const { tableName } = table;
  const { writeId } = table.context;
  const shown = (name: string, reason: Reason) => decodeShown(table, name, reason);
  const put: PutAction = (Item, condition) => ({
    Put: { TableName: tableName, Item, ...condition, ...allOld },
  });
  return [
    ...(record ? [recordAction(put, table, record)] : []),
    ...changes.flatMap((change): GuardedAction[] => [
      {
        action: put(encodeHead(change.next), change.base ? ifExactly(change.base) : ifAbsent),
        rank: 'head',
        outcomeOf: (reason) =>
          outcomeOfChange(writeId, change, shown(change.next.name, reason), versions),
      },
      ...(change.base ? [keepBase(put, change.base, change.next.validFrom)] : []),
    ]),
    ...unchanged.map((version) => ({
      action: { ConditionCheck: checkOf(tableName, version) },
      rank: 'rest' as const,
      outcomeOf: () => ({ outcome: 'raced' }) as const,
    })),
  ];
};

/** Keeps the replaced head as a superseded version. */
const keepBase = (put: PutAction, base: Head, validTo: number): GuardedAction => ({
  action: put(encodeVersion(base, validTo), ifAbsent),
  rank: 'rest',
  outcomeOf: () => {
    throw new VaultError('integrity_failure', 'a version exists beyond the head');
  },
});

const ranks: readonly GuardedAction['rank'][] = ['record', 'head', 'rest'];

/** The outcome of a cancelled transaction. The first failed condition decides, in the order of the ranks. */
export const outcomeOfCancelled = async (
  actions: readonly GuardedAction[],
  reasons: readonly Reason[],
): Promise<WriteOutcome> => {
  const evaluated = actions.map((action, index) => ({ ...action, reason: reasons[index] }));
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
  put: PutAction,
  { context, principal }: Table,
  { keyHash, record }: NonNullable<Write['record']>,
): GuardedAction => {
  const key = recordKey(principal, keyHash);
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

const ifExactly = ({ version, writeId, state }: StoredVersion) => ({
  ConditionExpression: 'version = :version AND writeId = :writeId AND #state = :state',
  ExpressionAttributeNames: { '#state': 'state' },
  ExpressionAttributeValues: {
    ':version': { N: String(version) },
    ':writeId': { S: writeId },
    ':state': { S: state },
  },
});

const checkOf = (tableName: string, stored: StoredVersion) => {
  const { tenant, name, version, validTo } = stored;
  const sk = validTo === undefined ? headSortKey : versionSortKey(version);
  const Key = { pk: { S: secretPartition(tenant, name) }, sk: { S: sk } };
  return { TableName: tableName, Key, ...ifExactly(stored) };
};

/** The head of `name` that blocked a condition, if DynamoDB returned it. */
export const decodeShown = (
  table: Table,
  name: string,
  { Item: item }: { readonly Item?: Item | undefined },
): Head | undefined => item && decodeHead(item, ownerOf(table), name);
