/**
 * What a replica knows of itself, kept in its own store so that it changes with the data in one transaction:
 *
 *   POSITION  -              the last applied revision and the digest there
 *   CLUSTER   -              the log that this store belongs to
 *   TABLE     <table>        a table that clients have made, with the names of its key attributes
 *   RECEIPT   <slot>         what the tokens of an entry stand for, in a ring of slots by revision
 */
import { failure } from '../command.ts';
import { replicaTable } from './checks.ts';
import { type Position, startPosition } from './digest.ts';
import { type Receipt, type Receipts, slotOf, type Token } from './receipts.ts';
import type { StoreClient } from './store.ts';
import { type Action, errorName, isWire, type Wire } from './wire.ts';

export type Bookkeeping = {
  position: Position;
  readonly cluster: string | undefined;
  /** The names of the key attributes, by table. */
  readonly tables: Map<string, readonly string[]>;
  readonly receipts: Receipts;
};

const keyOf = (pk: string, sk: string): Wire => ({ pk: { S: pk }, sk: { S: sk } });
const put = (pk: string, sk: string, item: Wire, condition: Wire = {}): Action => ({
  Put: { TableName: replicaTable, Item: { ...keyOf(pk, sk), ...item }, ...condition },
});

/** Moves the position; refused if it is no longer `from`: another applier would be at work on this store. */
export const movePosition = (from: Position, to: Position): Action => {
  const { revision, version, digest } = to;
  const item = {
    revision: { N: String(revision) },
    version: { N: String(version) },
    digest: { S: digest },
  };
  return put('POSITION', '-', item, {
    ConditionExpression: 'revision = :from',
    ExpressionAttributeValues: { ':from': { N: String(from.revision) } },
  });
};

/** A condition that no store meets: each has a position from its first start. */
export const neverHolds: Action = {
  ConditionCheck: {
    TableName: replicaTable,
    Key: keyOf('POSITION', '-'),
    ConditionExpression: 'attribute_not_exists(pk)',
  },
};

/** Another one has moved the position: this applier must not go on. */
export const strayed = (at: Position, from: Position): Error =>
  failure(`the store stands at revision ${at.revision}, not at ${from.revision}`);

/** The receipts of an entry's writes. */
export const writeReceipts = (revision: number, tokens: readonly Token[]): Action =>
  put('RECEIPT', slotOf(revision), {
    revision: { N: String(revision) },
    tokens: {
      L: tokens.map(({ value, request }) => ({
        M: { value: { S: value }, request: { S: request } },
      })),
    },
  });

export const writeTable = (table: string, keys: readonly string[]): Action =>
  put('TABLE', table, { keys: { L: keys.map((key) => ({ S: key })) } });

const get = async (store: StoreClient, sk: string, pk: string): Promise<Wire | undefined> => {
  const input = { TableName: replicaTable, Key: keyOf(pk, sk), ConsistentRead: true };
  const { status, body } = await store.call('GetItem', input);
  if (status !== 200) throw new Error(`the store refused to read ${pk}: ${JSON.stringify(body)}`);
  return isWire(body['Item']) ? body['Item'] : undefined;
};

const textOf = (item: Wire | undefined, name: string): string | undefined => {
  const typed = item?.[name];
  if (!isWire(typed)) return undefined;
  const text = typed['S'] ?? typed['N'];
  return typeof text === 'string' ? text : undefined;
};

/** Where the store stands, as it says itself. */
export const readPosition = async (store: StoreClient): Promise<Position> => {
  const item = await get(store, '-', 'POSITION');
  if (item === undefined) return startPosition;
  return {
    revision: Number(textOf(item, 'revision')),
    version: Number(textOf(item, 'version')),
    digest: textOf(item, 'digest') ?? '',
  };
};

async function* query(store: StoreClient, pk: string): AsyncGenerator<Wire> {
  let from: unknown;
  do {
    const { status, body } = await store.call('Query', {
      TableName: replicaTable,
      KeyConditionExpression: 'pk = :pk',
      ExpressionAttributeValues: { ':pk': { S: pk } },
      ConsistentRead: true,
      ...(from !== undefined && { ExclusiveStartKey: from }),
    });
    if (status !== 200) throw new Error(`the store refused to list ${pk}: ${JSON.stringify(body)}`);
    yield* Array.isArray(body['Items']) ? body['Items'].filter(isWire) : [];
    from = body['LastEvaluatedKey'];
  } while (from !== undefined);
}

const createOwnTable = async (store: StoreClient): Promise<void> => {
  const text = (AttributeName: string) => ({ AttributeName, AttributeType: 'S' });
  const reply = await store.call('CreateTable', {
    TableName: replicaTable,
    AttributeDefinitions: [text('pk'), text('sk')],
    KeySchema: [
      { AttributeName: 'pk', KeyType: 'HASH' },
      { AttributeName: 'sk', KeyType: 'RANGE' },
    ],
    BillingMode: 'PAY_PER_REQUEST',
  });
  if (reply.status !== 200 && errorName(reply) !== 'ResourceInUseException') {
    throw new Error(`the store refused the table ${replicaTable}: ${JSON.stringify(reply.body)}`);
  }
  // From the start there is a position for the first entry's condition to meet.
  const first = put(
    'POSITION',
    '-',
    { revision: { N: '0' }, version: { N: '0' }, digest: { S: '' } },
    { ConditionExpression: 'attribute_not_exists(pk)' },
  );
  const { body } = await store.call('TransactWriteItems', { TransactItems: [first] });
  if (!JSON.stringify(body).includes(`no such table: ${replicaTable}`)) return;
  // A crash has left its name alone, which is taken and holds nothing.
  const { status } = await store.call('DeleteTable', { TableName: replicaTable });
  if (status !== 200) throw new Error(`the store keeps a part of the table ${replicaTable}`);
  await createOwnTable(store);
};

/** Reads what the store knows; the first time, makes the table for it. */
export const openBookkeeping = async (store: StoreClient): Promise<Bookkeeping> => {
  await createOwnTable(store);
  const tables = new Map<string, readonly string[]>();
  for await (const item of query(store, 'TABLE')) {
    const keys = isWire(item['keys']) ? item['keys']['L'] : [];
    const names = Array.isArray(keys) ? keys.map((key) => textOf({ key }, 'key') ?? '') : [];
    tables.set(textOf(item, 'sk') ?? '', names);
  }
  const stored: [string, Receipt][] = [];
  for await (const item of query(store, 'RECEIPT')) {
    const revision = Number(textOf(item, 'revision'));
    const tokens = isWire(item['tokens']) ? item['tokens']['L'] : [];
    for (const token of Array.isArray(tokens) ? tokens : []) {
      const request = textOf(token['M'], 'request') ?? '';
      stored.push([textOf(token['M'], 'value') ?? '', { request, revision }]);
    }
  }
  stored.sort(([, a], [, b]) => a.revision - b.revision);
  return {
    position: await readPosition(store),
    cluster: textOf(await get(store, '-', 'CLUSTER'), 'id'),
    tables,
    receipts: new Map(stored),
  };
};

/** Binds the store to a log, once and for all. */
export const bindCluster = async (store: StoreClient, id: string): Promise<void> => {
  const first = put(
    'CLUSTER',
    '-',
    { id: { S: id } },
    { ConditionExpression: 'attribute_not_exists(pk)' },
  );
  const { status, body } = await store.call('TransactWriteItems', { TransactItems: [first] });
  if (status !== 200)
    throw new Error(`the store was not bound to its log: ${JSON.stringify(body)}`);
};
