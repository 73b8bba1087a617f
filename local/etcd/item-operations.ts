/** The operations on items: writes, reads and pages, with what each of them consumed. */
import { checkAttributes } from './attribute-values.ts';
import {
  consumed,
  consumedByTables,
  unitsOfAction,
  unitsOfPage,
  unitsOfReads,
} from './capacity-units.ts';
import { cancelled, type Item, invalid, ok, type Reply, refuse } from './dynamodb-protocol.ts';
import { parseKeyCondition, parseProjection } from './expressions.ts';
import type { Etcd } from './group-commit.ts';
import { createItemCopies } from './item-copies.ts';
import { createNarrowing } from './narrow-ranges.ts';
import {
  actionOf,
  checkTransaction,
  type Operations,
  placeholdersOf,
  type Request,
} from './parse-request.ts';
import { rangeOf, readPage, wholeOf } from './read-pages.ts';
import { exactItemKey, prefixOf } from './table-keys.ts';
import type { TableLookup } from './table-operations.ts';
import { type Action, readItems, writeItems } from './transactions.ts';

type ItemOperations = Omit<Operations, 'CreateTable' | 'DescribeTable' | 'DescribeTimeToLive'>;

export const createItemOperations = (etcd: Etcd, getTable: TableLookup): ItemOperations => {
  const copies = createItemCopies<Item>();
  const narrow = createNarrowing();

  const single = async (
    kind: Action['kind'],
    request: Request<'PutItem'> | Request<'DeleteItem'>,
    deadline: number,
  ): Promise<Reply> => {
    const table = await getTable(request.TableName, deadline);
    const action = actionOf(kind, table, request);
    const result = await writeItems(etcd, copies, [action], deadline);
    if (result.outcome === 'refused') {
      const [{ Message = '', Item } = { Message: '' }] = result.reasons;
      return refuse('ConditionalCheckFailedException', Message, Item && { Item });
    }
    const units = unitsOfAction(action, result.before[0], 1);
    return ok(consumed(request.ReturnConsumedCapacity, request.TableName, units));
  };

  const transact = async (
    request: Request<'TransactWriteItems'>,
    deadline: number,
  ): Promise<Reply> => {
    const actions: Action[] = [];
    for (const part of request.TransactItems) {
      for (const [kind, action] of Object.entries(part)) {
        const table = await getTable(action.TableName, deadline);
        actions.push(actionOf(kind as Action['kind'], table, action));
      }
    }
    checkTransaction(actions);
    const result = await writeItems(etcd, copies, actions, deadline);
    if (result.outcome === 'refused') return cancelled(result.reasons);
    const units = actions.map((action, index) => unitsOfAction(action, result.before[index], 2));
    return ok(consumedByTables(request.ReturnConsumedCapacity, actions, units));
  };

  const transactGet = async (request: Request<'TransactGetItems'>, deadline: number) => {
    const targets = [];
    for (const { Get } of request.TransactItems) {
      const table = await getTable(Get.TableName, deadline);
      targets.push({ table, key: exactItemKey(table, checkAttributes(Get.Key)) });
    }
    const keys = targets.map(({ key }) => key);
    if (new Set(keys).size < keys.length) {
      throw invalid('Transaction request cannot include multiple operations on one item');
    }
    const found = await readItems(etcd, copies, keys, deadline);
    const Responses = found.map(({ item }) => (item ? { Item: item } : {}));
    const units = found.map((one) => 2 * unitsOfReads([one]));
    return ok({ Responses, ...consumedByTables(request.ReturnConsumedCapacity, targets, units) });
  };

  const get = async (request: Request<'GetItem'>, deadline: number): Promise<Reply> => {
    const table = await getTable(request.TableName, deadline);
    const key = exactItemKey(table, checkAttributes(request.Key));
    const found = await readItems(etcd, copies, [key], deadline);
    const units = unitsOfReads(found) * (request.ConsistentRead ? 1 : 0.5);
    const Item = found[0]?.item;
    return ok({
      ...(Item && { Item }),
      ...consumed(request.ReturnConsumedCapacity, request.TableName, units),
    });
  };

  /** Reads all keys at one revision, which is more than DynamoDB promises, and answers for all of them. */
  const batchGet = async (request: Request<'BatchGetItem'>, deadline: number): Promise<Reply> => {
    const [only, ...others] = Object.entries(request.RequestItems);
    if (!only || others.length > 0) throw invalid('RequestItems: names one table here');
    const [name, { Keys, ConsistentRead, ...projection }] = only;
    const table = await getTable(name, deadline);
    const keys = Keys.map((key) => exactItemKey(table, checkAttributes(key)));
    if (new Set(keys).size < keys.length) {
      throw invalid('Provided list of item keys contains duplicates');
    }
    const shown = parseProjection(
      projection.ProjectionExpression,
      projection.ExpressionAttributeNames ?? {},
    );
    const found = await readItems(etcd, copies, keys, deadline);
    const items = found.flatMap(({ item }) => (item ? [projected(item, shown)] : []));
    const units = found.map((one) => unitsOfReads([one]) * (ConsistentRead ? 1 : 0.5));
    const targets = keys.map(() => ({ table }));
    return ok({
      Responses: { [name]: items },
      UnprocessedKeys: {},
      ...consumedByTables(request.ReturnConsumedCapacity, targets, units),
    });
  };

  const page = async (
    request: Request<'Query'> | Request<'Scan'>,
    deadline: number,
  ): Promise<Reply> => {
    const table = await getTable(request.TableName, deadline);
    const ofQuery = 'KeyConditionExpression' in request ? request : undefined;
    const index = ofQuery?.IndexName;
    if (index !== undefined && request.ConsistentRead) {
      throw invalid('Consistent reads are not supported on global secondary indexes');
    }
    const condition = parseKeyCondition(
      ofQuery?.KeyConditionExpression,
      placeholdersOf(ofQuery ?? {}),
    );
    const query = {
      table,
      index,
      range: condition ? rangeOf(table, index, condition) : wholeOf(prefixOf(table)),
      isForward: ofQuery?.ScanIndexForward ?? true,
      start: request.ExclusiveStartKey && checkAttributes(request.ExclusiveStartKey),
      limit: request.Limit,
    };
    const { body, bytes } = await readPage({ etcd, narrow }, query, deadline);
    const units = unitsOfPage(bytes, request.ConsistentRead ?? false);
    return ok({ ...body, ...consumed(request.ReturnConsumedCapacity, request.TableName, units) });
  };

  return {
    PutItem: (request, deadline) => single('Put', request, deadline),
    DeleteItem: (request, deadline) => single('Delete', request, deadline),
    TransactWriteItems: transact,
    GetItem: get,
    TransactGetItems: transactGet,
    BatchGetItem: batchGet,
    Query: page,
    Scan: page,
  };
};

const projected = (item: Item, shown: ReadonlySet<string> | undefined): Item =>
  shown ? Object.fromEntries(Object.entries(item).filter(([name]) => shown.has(name))) : item;
