/**
 * Tables, and where their items live in etcd. The parts of a key are joined by NUL:
 *
 *   table/<table>                                                      what CreateTable was given
 *   item/<table> <hash> <range>                                        an item, as JSON
 *   index/<table> <index> <hash> <range> <item's hash> <item's range>  the keys of an item, as JSON
 *   expiry/<table> <second> <item's hash> <item's range>               the key of an item that expires
 *
 * Key attributes are strings without NUL, so the order of etcd's keys is the order of DynamoDB's. A hash key alone has
 * an empty range key.
 */
import * as v from 'valibot';
import { type Item, invalid, type Value } from './dynamodb-protocol.ts';

const keySchema = v.pipe(
  v.array(
    v.strictObject({
      AttributeName: v.pipe(v.string(), v.minLength(1), v.maxLength(255)),
      KeyType: v.picklist(['HASH', 'RANGE']),
    }),
  ),
  v.check(
    (keys) =>
      keys.map(({ KeyType }) => KeyType).join() === 'HASH,RANGE' ||
      (keys.length === 1 && keys[0]?.KeyType === 'HASH'),
    'KeySchema is HASH, or HASH and RANGE',
  ),
);
const tableName = v.pipe(
  v.string(),
  v.regex(
    /^[A-Za-z0-9_.-]{3,255}$/,
    'TableName has 3 to 255 characters of a-z, A-Z, 0-9, _, - and .',
  ),
);

/** A table as CreateTable is given it. `TimeToLiveAttribute` is the front's own. */
export const tableShape = v.strictObject({
  TableName: tableName,
  AttributeDefinitions: v.array(
    v.strictObject({
      AttributeName: v.string(),
      AttributeType: v.literal(
        'S',
        ({ input }) => `a key attribute must be of type S here, not ${input}`,
      ),
    }),
  ),
  KeySchema: keySchema,
  GlobalSecondaryIndexes: v.optional(
    v.array(
      v.strictObject({
        IndexName: tableName,
        KeySchema: keySchema,
        Projection: v.strictObject({ ProjectionType: v.literal('KEYS_ONLY') }),
      }),
    ),
    [],
  ),
  BillingMode: v.optional(v.literal('PAY_PER_REQUEST'), 'PAY_PER_REQUEST'),
  DeletionProtectionEnabled: v.optional(v.boolean(), false),
  TimeToLiveAttribute: v.optional(v.string()),
});
export type Table = v.InferOutput<typeof tableShape>;
type Schema = Table['KeySchema'];

const join = (...parts: readonly string[]): string => parts.join('\0');

export const tableKey = (name: string): string => `table/${name}`;

/** DynamoDB's limits of key values, in bytes. */
const hashBytesMax = 2_048;
const rangeBytesMax = 1_024;

/** A key attribute's text. Throws a ValidationException for what DynamoDB, or the order of keys, does not allow. */
const keyText = (name: string, value: Value | undefined, bytesMax: number): string => {
  if (value?.S === undefined) throw invalid(`The key attribute ${name} must be of type S`);
  if (value.S === '') throw invalid(`The key attribute ${name} must not be empty`);
  if (value.S.includes('\0')) throw invalid(`The key attribute ${name} must not contain NUL here`);
  if (Buffer.byteLength(value.S) > bytesMax) {
    throw invalid(`The key attribute ${name} is longer than ${bytesMax} bytes`);
  }
  return value.S;
};

const partsOf = (schema: Schema, item: Item): readonly [string, string] => {
  const [hash, range] = schema.map(({ AttributeName: name, KeyType: type }) =>
    keyText(name, item[name], type === 'HASH' ? hashBytesMax : rangeBytesMax),
  );
  return [hash ?? '', range ?? ''];
};

/** The key of an item, from the whole item or from its key attributes. Throws as `keyText` does. */
export const itemKey = (table: Table, item: Item): string =>
  `item/${join(table.TableName, ...partsOf(table.KeySchema, item))}`;

/** The key of an item from exactly its key attributes. */
export const exactItemKey = (table: Table, key: Item): string => {
  if (Object.keys(key).length !== table.KeySchema.length) {
    throw invalid('The number of conditions on the keys is invalid');
  }
  return itemKey(table, key);
};

/** The names of the key attributes of a table, or of an index together with those of its table. */
export const keyNames = (table: Table, index?: string): readonly string[] => {
  const ofIndex = index === undefined ? [] : schemaOf(table, index);
  return [...new Set([...ofIndex, ...table.KeySchema].map(({ AttributeName }) => AttributeName))];
};

/** The key schema of a table or of its index. Throws a ValidationException for an index that is not there. */
export const schemaOf = (table: Table, index: string | undefined): Schema => {
  if (index === undefined) return table.KeySchema;
  const found = table.GlobalSecondaryIndexes.find(({ IndexName }) => IndexName === index);
  if (found === undefined) throw invalid(`The table does not have the specified index: ${index}`);
  return found.KeySchema;
};

/** The start of the keys of a table's items, or of one partition of the table or its index. */
export const prefixOf = (table: Pick<Table, 'TableName'>, index?: string, hash?: string): string =>
  index === undefined
    ? `item/${join(table.TableName, ...(hash === undefined ? [] : [hash]), '')}`
    : `index/${join(table.TableName, index, ...(hash === undefined ? [] : [hash]), '')}`;

/** The key under which an entry of an index lives, from the key attributes of the index and the table. */
export const indexKey = (table: Table, index: string, item: Item): string =>
  `${prefixOf(table, index)}${join(...partsOf(schemaOf(table, index), item), ...partsOf(table.KeySchema, item))}`;

/** The entries of an item beside itself, in indexes and for its expiry: from key in etcd to JSON. */
const entriesOf = (table: Table, item: Item | undefined): ReadonlyMap<string, string> => {
  const entries = new Map<string, string>();
  if (item === undefined) return entries;
  for (const { IndexName: index, KeySchema: schema } of table.GlobalSecondaryIndexes) {
    if (schema.some(({ AttributeName: name }) => item[name] === undefined)) continue;
    const kept = keyNames(table, index).map((name) => [name, item[name]] as const);
    entries.set(indexKey(table, index, item), JSON.stringify(Object.fromEntries(kept)));
  }
  const second = table.TimeToLiveAttribute && item[table.TimeToLiveAttribute]?.N;
  if (second !== undefined && second !== '' && /^\d{1,12}$/.test(second)) {
    const key = table.KeySchema.map(({ AttributeName: name }) => [name, item[name]] as const);
    entries.set(expiryKey(table, Number(second), item), JSON.stringify(Object.fromEntries(key)));
  }
  return entries;
};

type Entries = readonly (readonly [key: string, json: string])[];

/** The entries to put and to remove when `next` takes the place of `before`. */
export const changedEntries = (
  table: Table,
  before: Item | undefined,
  next: Item | undefined,
): { readonly puts: Entries; readonly removes: Entries } => {
  const [old, added] = [entriesOf(table, before), entriesOf(table, next)];
  return {
    puts: [...added].filter(([key, json]) => old.get(key) !== json),
    removes: [...old].filter(([key]) => !added.has(key)),
  };
};

const expiryKey = (table: Table, second: number, item: Item): string =>
  `expiry/${join(table.TableName, secondText(second), ...partsOf(table.KeySchema, item))}`;

/** Twelve digits, so that the order of the text is the order of the numbers. */
const secondText = (second: number): string => String(second).padStart(12, '0');

/** The range of the keys of a table's items that have expired before `second`, in the order of their expiry. */
export const expiredRange = (
  table: string,
  second: number,
): { readonly key: Buffer; readonly range_end: Buffer } => ({
  key: Buffer.from(`expiry/${join(table, '')}`),
  range_end: Buffer.from(`expiry/${join(table, secondText(second))}`),
});
