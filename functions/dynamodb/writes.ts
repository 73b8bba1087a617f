/**
 * The writing half of the store: one try of a guarded write, and its reasons. Conditions are the only
 * authority on existence and versions. A failed condition asks for the item that stood in the way
 * (ALL_OLD), so that telling mine from another's needs no second look at the head.
 */
import {
  ConditionalCheckFailedException,
  type DynamoDBClient,
  PutItemCommand,
  TransactionCanceledException,
  type TransactWriteItem,
  TransactWriteItemsCommand,
} from '@aws-sdk/client-dynamodb';
import { VaultError } from '../model/errors.ts';
import { times } from '../model/limits.ts';
import type { Principal, SealedVersion, StoredVersion } from '../model/types.ts';
import type { RequestContext, Store, Write, WriteOutcome } from '../vault/ports.ts';
import { callOnce, classifyFailure, passingReasons } from './calls.ts';
import {
  decodeHead,
  decodeRecord,
  encodeHead,
  encodeRecord,
  encodeVersion,
  type Item,
} from './codec.ts';
import { judgeCreate, judgeUpdate } from './outcome.ts';
import { headSortKey, recordKey, secretPartition } from './table.ts';

const allOld = { ReturnValuesOnConditionCheckFailure: 'ALL_OLD' } as const;
const capacity = { ReturnConsumedCapacity: 'TOTAL' } as const;
const ifAbsent = { ConditionExpression: 'attribute_not_exists(pk)' } as const;

/** Why an action of a cancelled transaction did not hold; positional, as DynamoDB lists them. */
type Reason = { readonly Code?: string | undefined; readonly Item?: Item | undefined };
/** An action and what its failed condition means. Kept together so that they cannot drift apart. */
type GuardedAction = {
  readonly action: TransactWriteItem;
  /**
   * What failed here says all by itself. Otherwise it is judged only if no other action met a
   * conflict: one that did was not evaluated, and might have shown an earlier success of ours.
   */
  readonly decidesAlone: boolean;
  readonly judge: (reason: Reason) => Promise<WriteOutcome> | WriteOutcome;
};

type Writes = Pick<Store, 'write' | 'lookUp'>;

export const createWrites = (
  client: DynamoDBClient,
  tableName: string,
  reads: Pick<Store, 'findHead' | 'findVersion'>,
): Writes => {
  const judges = (context: RequestContext, principal: Principal) => {
    const versions = (name: string) => (version: number) =>
      reads.findVersion(context, principal, name, version);
    return {
      create: (name: string, shown: StoredVersion | undefined) =>
        judgeCreate(context.writeId, shown, versions(name)),
      update: (base: StoredVersion, shown: StoredVersion | undefined) =>
        judgeUpdate(context.writeId, base, shown, versions(base.name)),
    };
  };

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
        times.triesEndMs,
      );
      return { outcome: 'written' };
    } catch (error) {
      if (!(error instanceof ConditionalCheckFailedException)) return outcomeOf(error);
      const shown = decodeShown(principal, first.name, error);
      return await judges(context, principal).create(first.name, shown);
    }
  };

  const actionsOf = (
    context: RequestContext,
    principal: Principal,
    { creates, update, unchanged, record }: Write,
  ): GuardedAction[] => {
    const judge = judges(context, principal);
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
              decidesAlone: true,
              judge: (reason: Reason) => judge.update(update.base, shown(update.base.name, reason)),
            },
            {
              action: put(encodeVersion(update.base, update.next.validFrom)),
              decidesAlone: false,
              judge: () => {
                throw new VaultError('integrity_failure', 'a version stands beyond the head');
              },
            },
          ]
        : []),
      ...creates.map((first) => ({
        action: put(encodeHead(first)),
        decidesAlone: true,
        judge: (reason: Reason) => judge.create(first.name, shown(first.name, reason)),
      })),
      ...unchanged.map((head) => ({
        action: { ConditionCheck: checkOf(tableName, head) },
        decidesAlone: false,
        judge: () => ({ outcome: 'raced' }) as const,
      })),
    ];
  };

  return {
    async write(context, principal, write) {
      const { creates, update, unchanged, record } = write;
      const [only] = creates;
      if (only && creates.length === 1 && !update && !record && unchanged.length === 0) {
        return await putFirst(context, principal, only);
      }
      const actions = actionsOf(context, principal, write);
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
          times.triesEndMs,
        );
        return { outcome: 'written' };
      } catch (error) {
        if (!(error instanceof TransactionCanceledException)) return outcomeOf(error);
        return await judgeCancelled(actions, error.CancellationReasons ?? []);
      }
    },

    async lookUp(context, principal, { creates, update }) {
      const name = update?.base.name ?? creates[0]?.name;
      if (name === undefined) throw new VaultError('internal', 'a write without a secret');
      const head = await reads.findHead(context, principal, name);
      const judge = judges(context, principal);
      return update ? await judge.update(update.base, head) : await judge.create(name, head);
    },
  };
};

/** The first failed condition decides, in the order of the actions: record, then heads, then the rest. */
const judgeCancelled = async (
  actions: readonly GuardedAction[],
  reasons: readonly Reason[],
): Promise<WriteOutcome> => {
  const conflict = reasons.some(({ Code }) => passingReasons.has(Code));
  for (const [index, { decidesAlone, judge }] of actions.entries()) {
    const reason = reasons[index];
    if (reason?.Code === 'ConditionalCheckFailed' && (decidesAlone || !conflict)) {
      return await judge(reason);
    }
  }
  if (conflict) return { outcome: 'refused', reason: 'throttled' };
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
    decidesAlone: true,
    judge: ({ Item: item }) => {
      if (!item) throw new VaultError('integrity_failure', 'a record that stands was not shown');
      const standing = decodeRecord(item, key);
      return standing.writeId === context.writeId
        ? { outcome: 'written' }
        : { outcome: 'replayed', record: standing };
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

const decodeShown = (
  { tenant }: Principal,
  name: string,
  { Item: item }: { readonly Item?: Item | undefined },
): StoredVersion | undefined => item && decodeHead(item, tenant, name);

const outcomeOf = (error: unknown): WriteOutcome => {
  const failure = classifyFailure(error);
  return failure === 'unclear' ? { outcome: failure } : { outcome: 'refused', reason: failure };
};
