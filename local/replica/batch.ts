/**
 * Which writes may share one transaction of the store: those whose items, checked ones included, are all different.
 * Each then has the outcome that it would have had alone. By this one rule writes go together into an entry of the log,
 * and consecutive entries into a transaction.
 */
import { type Action, isWire } from './wire.ts';
import { actionsOf, isReturning, type Write } from './write.ts';

/** An entry of the log: writes that were appended together, and their place. */
export type LogEntry = {
  readonly revision: number;
  /** Counts the log's entries, from 1. */
  readonly version: number;
  /** At least one. */
  readonly writes: readonly Write[];
  /** Of the entry as it is in the log. */
  readonly bytes: number;
};

/** A transaction takes 100 actions and 4 MB; one action moves the position. */
const actionsMax = 99;
/** Of entries' JSON: below 4 MB of items whatever they hold. */
const bytesMax = 3_000_000;

/** Names of the key attributes, by table. */
export type Tables = ReadonlyMap<string, readonly string[]>;

/** Whether no other spelling means the same key: DynamoDB takes 1 and 1.0 for one number. */
const isPlain = (value: unknown): boolean => {
  const { S: text, N: number, B: binary } = isWire(value) ? value : {};
  if (typeof number === 'string') return /^(0|-?[1-9]\d{0,36})$/.test(number);
  if (typeof binary === 'string') {
    return Buffer.from(binary, 'base64').toString('base64') === binary;
  }
  return typeof text === 'string';
};

/** What names the item of an action; `undefined` if that cannot be told, as of a table that is not there. */
const itemOf = (action: Action, tables: Tables): string | undefined => {
  const [[verb, part] = []] = Object.entries(action);
  const table = part?.['TableName'];
  const holder = part?.[verb === 'Put' ? 'Item' : 'Key'];
  const names = typeof table === 'string' ? tables.get(table) : undefined;
  if (names === undefined || !isWire(holder)) return undefined;
  const values = names.map((name) => holder[name]);
  return values.every(isPlain) ? JSON.stringify([table, ...values]) : undefined;
};

/** The items of the writes and, in place of one, each token; `undefined` if nothing may go with them. */
const takenBy = (writes: readonly Write[], tables: Tables): readonly string[] | undefined => {
  if (writes.some((write) => write.operation === 'CreateTable' || isReturning(write))) {
    return undefined;
  }
  const items = writes.flatMap((write) => [
    ...actionsOf(write).map((action) => itemOf(action, tables)),
    ...(write.token ? [`token ${write.token.value}`] : []),
  ]);
  const isClear = items.every((item) => item !== undefined) && new Set(items).size === items.length;
  return isClear ? items : undefined;
};

/** How many of these, from the first, may go together; at least one, if there is one. */
export const countTogether = (
  parts: readonly Pick<LogEntry, 'writes' | 'bytes'>[],
  tables: Tables,
): number => {
  const taken = new Set<string>();
  let bytes = 0;
  let count = 0;
  for (const { writes, bytes: partBytes } of parts) {
    const items = takenBy(writes, tables);
    if (items === undefined || items.some((item) => taken.has(item))) break;
    bytes += partBytes;
    if (count > 0 && (taken.size + items.length > actionsMax || bytes > bytesMax)) break;
    for (const item of items) taken.add(item);
    count += 1;
  }
  return Math.max(count, Math.min(parts.length, 1));
};
