/**
 * Which entries may share one transaction of the store: a run of consecutive ones whose items, checked ones included,
 * are all different. Each then has the outcome that it would have had alone.
 */
import { actionsOf, type Entry, isReturning } from './entry.ts';
import { type Action, isWire } from './wire.ts';

/** An entry and its place in the log. */
export type LogEntry = {
  readonly revision: number;
  /** Counts the log's entries, from 1. */
  readonly version: number;
  readonly entry: Entry;
  /** Of the entry as it is in the log. */
  readonly bytes: number;
};

/** A transaction takes 100 actions and 4 MB; one action moves the position. */
const actionsMax = 99;
/** Of entries' JSON: below 4 MB of items whatever they hold. */
const bytesMax = 3_000_000;

/** Names of the key attributes, by table. */
type Tables = ReadonlyMap<string, readonly string[]>;

/** What names the item of an action; `undefined` if that cannot be told, as of a table that is not there. */
const itemOf = (action: Action, tables: Tables): string | undefined => {
  const [[verb, part] = []] = Object.entries(action);
  const table = part?.['TableName'];
  const holder = part?.[verb === 'Put' ? 'Item' : 'Key'];
  const names = typeof table === 'string' ? tables.get(table) : undefined;
  if (names === undefined || !isWire(holder)) return undefined;
  const values = names.map((name) => holder[name]);
  return values.includes(undefined) ? undefined : JSON.stringify([table, ...values]);
};

/** The items of an entry and, in place of one, its token; `undefined` if it must be applied alone. */
const takenBy = (entry: Entry, tables: Tables): readonly string[] | undefined => {
  if (entry.operation === 'CreateTable' || isReturning(entry)) return undefined;
  const items = actionsOf(entry).map((action) => itemOf(action, tables));
  const isClear = items.every((item) => item !== undefined) && new Set(items).size === items.length;
  if (!isClear) return undefined;
  return entry.token ? [...items, `token ${entry.token.value}`] : items;
};

/** The entries, from the first, that go into the next transaction; at least one. */
export const takeRun = (queue: readonly LogEntry[], tables: Tables): readonly LogEntry[] => {
  const [first] = queue;
  const taken = new Set<string>();
  let bytes = 0;
  let count = 0;
  for (const { entry, bytes: entryBytes } of queue) {
    const items = takenBy(entry, tables);
    if (items === undefined || items.some((item) => taken.has(item))) break;
    bytes += entryBytes;
    if (count > 0 && (taken.size + items.length > actionsMax || bytes > bytesMax)) break;
    for (const item of items) taken.add(item);
    count += 1;
  }
  return count > 0 || first === undefined ? queue.slice(0, count) : [first];
};
