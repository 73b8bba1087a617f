/** The item that `ReturnValues` asks for, read by the applier before the next write. */

import type { StoreClient } from './store.ts';
import { isWire, type Wire } from './wire.ts';
import { actionsOf, type Write } from './write.ts';

/** The item of a single write as it stands, if there is one and the request names it. Throws if the store cannot tell. */
export const readReturned = async (
  store: StoreClient,
  write: Write,
  tables: ReadonlyMap<string, readonly string[]>,
): Promise<{ readonly Attributes?: Wire }> => {
  const [part = {}] = actionsOf(write).flatMap((action) => Object.values(action));
  const { TableName: table, Item: item, Key: given } = part;
  const names = tables.get(String(table)) ?? [];
  const key = isWire(item) ? Object.fromEntries(names.map((name) => [name, item[name]])) : given;
  const input = { TableName: table, Key: key, ConsistentRead: true };
  const { status, body } = await store.call('GetItem', input);
  // A key that the store refuses to look up, it will refuse to write.
  if (status >= 500) throw new Error(`status ${status}`);
  return isWire(body['Item']) ? { Attributes: body['Item'] } : {};
};
