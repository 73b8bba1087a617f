/**
 * Where the vault's items live in etcd, and in which form. The parts of a key are joined by NUL:
 *
 *   item/vault <pk> <sk>                              an item, as JSON with its bytes in base64
 *   index/vault byTenant <partition> <name> <pk> <sk> a secret's head item, for the list of names
 *   expiry/vault <second> <pk> <sk>                   an idempotency record, for its deletion
 *
 * During an upgrade, nodes of the previous release share this etcd, so keys and values are byte for
 * byte what all releases wrote (test/vectors/etcd-items.json). The order of etcd's keys is the
 * order of sort keys and of names.
 */
import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { itemFrom } from '../../functions/store/item-json.ts';
import { type Item, type ItemKey, indexName } from '../../functions/store/items.ts';
import type { Operation } from './etcd-client.ts';

/**
 * The name of the vault's table. It must not change, because it is in all keys of etcd and in
 * backups.
 */
export const tableName = 'vault';

/**
 * Joins the parts of a key with NUL. Throws if the key could be confused with another one, which
 * can only happen with keys from a foreign backup.
 */
const join = (...parts: readonly string[]): string => {
  if (parts.some((part) => part.includes('\0') || !part.isWellFormed())) {
    throw new Error('a key of an item contains NUL or is not well-formed');
  }
  return parts.join('\0');
};

export const itemKey = ({ pk, sk }: ItemKey): Buffer =>
  Buffer.from(`item/${join(tableName, pk, sk)}`);

/** The prefix of the keys of all items, or of those of one partition. */
export const itemPrefix = (pk?: string): string =>
  `item/${join(tableName, ...(pk === undefined ? [] : [pk]))}\0`;

/** The prefix of the keys of the names in one partition of the index. */
export const indexPrefix = (partition: string): string =>
  `index/${join(tableName, indexName, partition)}\0`;

/**
 * The beginning of the keys of the expiry entries of one second. The second is padded to twelve
 * digits, so that the keys sort like the numbers.
 */
const expiryPrefix = (second: number): string =>
  `expiry/${join(tableName, String(second).padStart(12, '0'))}`;

/** The range of the entries of items that expired before `second`, in the order of their expiry. */
export const expiredRange = (
  second: number,
): { readonly key: Buffer; readonly range_end: Buffer } => ({
  key: Buffer.from(`expiry/${tableName}\0`),
  range_end: Buffer.from(expiryPrefix(second)),
});

const textOfValue = (value: AttributeValue): object => {
  const { B, BS, L, M } = value;
  if (B !== undefined) return { B: base64(B) };
  if (BS !== undefined) return { BS: BS.map(base64) };
  if (L !== undefined) return { L: L.map(textOfValue) };
  if (M !== undefined) return { M: attributesOf(M) };
  return value;
};

const base64 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');

/**
 * Returns an item's attributes as plain data for JSON, with bytes in base64. They keep their order,
 * because all releases write them in that order.
 */
const attributesOf = (item: Item): object =>
  Object.fromEntries(Object.entries(item).map(([name, value]) => [name, textOfValue(value)]));

export const textOf = (item: Item): string => JSON.stringify(attributesOf(item));

/** Parses a stored item. Throws if the text is not JSON, but does not check its attributes. */
export const parseItem = (value: Buffer): Item => itemFrom(JSON.parse(value.toString('utf8')));

/** The index and expiry entries of an item, as etcd keys with their JSON values. */
const entriesOf = (item: Item | undefined): ReadonlyMap<string, string> => {
  const entries = new Map<string, string>();
  const { pk, sk, tenant, name, expiresAt } = item ?? {};
  if (pk?.S === undefined || sk?.S === undefined) return entries;
  if (tenant?.S !== undefined && name?.S !== undefined) {
    const key = `${indexPrefix(tenant.S)}${join(name.S, pk.S, sk.S)}`;
    entries.set(key, JSON.stringify({ tenant, name, pk, sk }));
  }
  if (expiresAt?.N !== undefined && /^\d{1,12}$/.test(expiresAt.N)) {
    const key = `${expiryPrefix(Number(expiresAt.N))}\0${join(pk.S, sk.S)}`;
    entries.set(key, JSON.stringify({ pk, sk }));
  }
  return entries;
};

const put = (key: Buffer | string, value: string): Operation => ({
  request_put: { key: Buffer.from(key), value: Buffer.from(value) },
});
const remove = (key: Buffer | string): Operation => ({
  request_delete_range: { key: Buffer.from(key) },
});

/**
 * The operations that replace `before` by `next`, whose JSON is `text`, including the entries of
 * both.
 */
export const changesOf = (
  key: Buffer,
  before: Item | undefined,
  next: { readonly item: Item; readonly text: string } | undefined,
): readonly Operation[] => {
  const [old, entries] = [entriesOf(before), entriesOf(next?.item)];
  return [
    next === undefined ? remove(key) : put(key, next.text),
    ...[...entries].flatMap(([at, json]) => (old.get(at) === json ? [] : put(at, json))),
    ...[...old.keys()].flatMap((at) => (entries.has(at) ? [] : remove(at))),
  ];
};
