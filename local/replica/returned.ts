/** The item that `ReturnValues` asks for, read by the applier between entries. */
import { actionsOf, type Entry } from './entry.ts';
import type { StoreClient } from './store.ts';
import { isWire, type Wire } from './wire.ts';

/** The item of a single write as it stands; `undefined` if there is none, or the request names none. */
export const readReturned = async (
  store: StoreClient,
  entry: Entry,
  tables: ReadonlyMap<string, readonly string[]>,
): Promise<Wire | undefined> => {
  const [part = {}] = actionsOf(entry).flatMap((action) => Object.values(action));
  const { TableName: table, Item: item, Key: given } = part;
  const names = tables.get(String(table)) ?? [];
  const key = isWire(item) ? Object.fromEntries(names.map((name) => [name, item[name]])) : given;
  const input = { TableName: table, Key: key, ConsistentRead: true };
  const { body } = await store.call('GetItem', input);
  return isWire(body['Item']) ? body['Item'] : undefined;
};
