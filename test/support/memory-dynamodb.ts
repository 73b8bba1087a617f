/**
 * The part of DynamoDB that the vault uses, in memory, as an exchange. Each call takes effect at
 * once and as a whole, so a simulation decides the order of the calls.
 * test/proof/memory-dynamodb.test.ts compares its answers with those of dynoxide.
 */
import { type Call, type Exchange, faultReply, type Json, type Reply } from './adversary/wire.ts';

type Value = { readonly S?: string; readonly N?: string };
type Item = Readonly<Record<string, Value>>;
type Batch = {
  readonly Keys: readonly Item[];
  readonly ProjectionExpression: string;
  readonly ExpressionAttributeNames: Readonly<Record<string, string>>;
};
type Action = {
  readonly Key?: Item;
  readonly Item?: Item;
  readonly ConditionExpression?: string;
  readonly ExpressionAttributeNames?: Readonly<Record<string, string>>;
  readonly ExpressionAttributeValues?: Item;
  readonly ReturnValuesOnConditionCheckFailure?: string;
};

export type MemoryStore = { readonly exchange: Exchange; readonly items: () => readonly Item[] };

const keyOf = ({ pk, sk }: Item): string => `${pk?.S} ${sk?.S}`;
const keysNamed =
  (...names: readonly string[]) =>
  (item: Item): Item =>
    Object.fromEntries(Object.entries(item).filter(([name]) => names.includes(name)));
const keyOfItem = keysNamed('pk', 'sk');
/**
 * The attributes of the keys of the index. The index contains only the items that have all of these
 * attributes, which are the heads, and of those items only these attributes.
 */
const keysInIndex = keysNamed('tenant', 'name', 'pk', 'sk');
const isKeyOfHead = (item: Item): boolean => item['sk']?.S === 'HEAD';

const isLess = (a: Value | undefined, b: Value | undefined): boolean => {
  if (a?.N !== undefined && b?.N !== undefined) return Number(a.N) < Number(b.N);
  return a?.S !== undefined && b?.S !== undefined && a.S < b.S;
};
const isEqual = (a: Value | undefined, b: Value | undefined): boolean =>
  a !== undefined && JSON.stringify(a) === JSON.stringify(b);

const termForm = /^(#?\w+) (=|<|BETWEEN) (:\w+)(?: AND (:\w+))?$/;

/**
 * Whether an expression holds for an item, or for a missing item. Throws for an expression that the
 * vault does not use.
 */
const holds = (expression: string, action: Action, item: Item | undefined): boolean => {
  const value = (name = ''): Value | undefined => action.ExpressionAttributeValues?.[name];
  const holdsTerm = (term: string): boolean => {
    const absent = /^attribute_not_exists\((\w+)\)$/.exec(term);
    if (absent) return item?.[absent[1] ?? ''] === undefined;
    const [, name = '', operator, first, last] = termForm.exec(term) ?? [];
    const own = item?.[action.ExpressionAttributeNames?.[name] ?? name];
    if (operator === '=') return isEqual(own, value(first));
    if (operator === '<') return isLess(own, value(first));
    if (operator === 'BETWEEN') {
      return own !== undefined && !isLess(own, value(first)) && !isLess(value(last), own);
    }
    throw new Error(`no expression of the vault: ${expression}`);
  };
  // The AND of a BETWEEN does not separate terms.
  const terms = (text: string): string[] => text.split(/(?<!BETWEEN :\w+) AND /);
  return expression.split(' OR ').some((part) => terms(part).every(holdsTerm));
};

const capacity = (CapacityUnits: number) => ({ CapacityUnits, TableName: 'vault' });
/**
 * Returns the consumed capacity of a transaction. Only for transactions does DynamoDB also report
 * whether the units were for reading or writing.
 */
const transactionCapacity = (CapacityUnits: number, kind: 'Read' | 'Write') => [
  { ...capacity(CapacityUnits), [`${kind}CapacityUnits`]: CapacityUnits },
];
const ok = (members: Json): Reply => ({ status: 200, body: JSON.stringify(members) });

export const createMemoryStore = (): MemoryStore => {
  const items = new Map<string, Item>();
  /** The body of each transaction that took effect, by the transaction's token. */
  const done = new Map<string, string>();

  const itemOf = ({ Key, Item }: Action): Item | undefined => items.get(keyOf(Key ?? Item ?? {}));
  const isRefused = (action: Action): boolean =>
    action.ConditionExpression !== undefined &&
    !holds(action.ConditionExpression, action, itemOf(action));
  const shown = (action: Action) => {
    const Item = itemOf(action);
    return action.ReturnValuesOnConditionCheckFailure === 'ALL_OLD' && Item ? { Item } : {};
  };
  /** Puts an item, and returns how many units that costs in the index. */
  const put = ({ Item }: Action): number => {
    if (!Item) return 0;
    const before = items.get(keyOf(Item));
    items.set(keyOf(Item), Item);
    if (!isKeyOfHead(Item)) return 0;
    if (!before) return 1;
    // If the entry moves to another partition of the index, it is removed there and put here.
    return isEqual(before['tenant'], Item['tenant']) ? 0 : 2;
  };

  const putItem = (action: Action): Reply => {
    if (isRefused(action)) {
      return faultReply(400, 'ConditionalCheckFailedException', shown(action));
    }
    return ok({ ConsumedCapacity: capacity(1 + put(action)) });
  };

  const transactWrite = (actions: readonly Action[]): Reply => {
    const refused = actions.map(isRefused);
    if (refused.includes(true)) {
      const CancellationReasons = actions.map((action, index) =>
        refused[index] ? { Code: 'ConditionalCheckFailed', ...shown(action) } : { Code: 'None' },
      );
      return faultReply(400, 'TransactionCanceledException', { CancellationReasons });
    }
    const ofIndex = actions.reduce((sum, action) => sum + put(action), 0);
    return ok({ ConsumedCapacity: transactionCapacity(2 * actions.length + ofIndex, 'Write') });
  };
  /**
   * Runs a transaction, unless its token was used before. If it was, answers as the first time, or
   * refuses the transaction if its content is different.
   */
  const oncePerToken = ({ input, body }: Call, actions: readonly Action[]): Reply => {
    const token = String(input['ClientRequestToken']);
    const known = done.get(token);
    if (known !== undefined && known !== body) {
      return faultReply(400, 'IdempotentParameterMismatchException');
    }
    // A repeated transaction writes nothing and costs read units.
    if (known !== undefined) {
      return ok({ ConsumedCapacity: transactionCapacity(2 * actions.length, 'Read') });
    }
    const reply = transactWrite(actions);
    if (reply.status === 200) done.set(token, body);
    return reply;
  };

  const query = (input: Json & Action): Reply => {
    const { KeyConditionExpression, IndexName, ScanIndexForward = true, Limit } = input;
    const field = IndexName === undefined ? 'sk' : 'name';
    const direction = ScanIndexForward === false ? -1 : 1;
    const order = (a: Item, b: Item): number => direction * (isLess(a[field], b[field]) ? -1 : 1);
    const start = input['ExclusiveStartKey'] as Item | undefined;
    const found = [...items.values()]
      .filter((item) => holds(String(KeyConditionExpression), input, item))
      .filter(
        (item) =>
          start === undefined || (!isEqual(start[field], item[field]) && order(start, item) < 0),
      )
      .sort(order);
    const page = found.slice(0, Limit === undefined ? undefined : Number(Limit));
    const keys = IndexName === undefined ? keyOfItem : keysInIndex;
    const last = page.at(-1);
    return ok({
      Items: IndexName === undefined ? page : page.map(keys),
      Count: page.length,
      ScannedCount: page.length,
      ConsumedCapacity: capacity(IndexName === undefined ? 1 : 0.5),
      // After a full page DynamoDB returns a key even if nothing follows.
      ...(page.length === Limit && last && { LastEvaluatedKey: keys(last) }),
    });
  };

  const batchGet = ({ RequestItems }: Json): Reply => {
    const [[table = '', asked] = []] = Object.entries(RequestItems as Record<string, Batch>);
    const { Keys = [], ProjectionExpression = '', ExpressionAttributeNames = {} } = asked ?? {};
    const names = ProjectionExpression.split(', ').map((name) => ExpressionAttributeNames[name]);
    const shown = keysNamed(...names.flatMap((name) => name ?? []));
    const found = Keys.map((Key) => itemOf({ Key })).filter((item) => item !== undefined);
    return ok({
      Responses: { [table]: found.map(shown) },
      UnprocessedKeys: {},
      ConsumedCapacity: [capacity(Keys.length)],
    });
  };

  return {
    items: () => [...items.values()],
    exchange: async (call) => {
      const { operation, input } = call;
      const actions = ((input['TransactItems'] ?? []) as readonly Json[]).flatMap(
        (entry) => Object.values(entry) as Action[],
      );
      if (operation === 'PutItem') return putItem(input);
      if (operation === 'TransactWriteItems') return oncePerToken(call, actions);
      if (operation === 'Query') return query(input);
      if (operation === 'GetItem') {
        const Item = itemOf(input);
        return ok({ ConsumedCapacity: capacity(1), ...(Item && { Item }) });
      }
      if (operation === 'BatchGetItem') return batchGet(input);
      if (operation === 'TransactGetItems') {
        const Responses = actions.map((action) => {
          const Item = itemOf(action);
          return Item ? { Item } : {};
        });
        return ok({ Responses, ConsumedCapacity: transactionCapacity(2 * actions.length, 'Read') });
      }
      return faultReply(400, 'UnknownOperationException');
    },
  };
};
