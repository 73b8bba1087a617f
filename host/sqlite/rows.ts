/** Converts items to rows of the table and back. */
import { itemFrom, jsonOf } from '../../functions/store/item-json.ts';
import { headSortKey, type Item } from '../../functions/store/items.ts';

export type Columns = {
  readonly item: string;
  readonly tenant: string | null;
  readonly name: string | null;
  readonly expires: number | null;
};

/**
 * Whether the two items have the same index entries, so that replacing one by the other leaves the
 * indexes unchanged.
 */
export const isIndexedAlike = (one: Item, other: Item): boolean =>
  one['tenant']?.S === other['tenant']?.S &&
  one['name']?.S === other['name']?.S &&
  one['expiresAt']?.N === other['expiresAt']?.N;

export const columnsOf = (item: Item): Columns => {
  const isHead = item['sk']?.S === headSortKey;
  const expires = Number(item['expiresAt']?.N);
  return {
    item: jsonOf(item),
    tenant: (isHead && item['tenant']?.S) || null,
    name: (isHead && item['name']?.S) || null,
    expires: Number.isSafeInteger(expires) ? expires : null,
  };
};

/** Parses an item's JSON but leaves bytes in base64, which is enough to check guards. */
export const parseAttributes = (text: string): Item => {
  try {
    return JSON.parse(text);
  } catch {
    // A damaged row becomes an empty item. The vault reports that as unreadable, while other writes
    // of the same transaction go on.
    return {};
  }
};

/** Parses the whole item, or only the attributes in `only`. */
export const parseItem = (text: string, only?: readonly string[]): Item => {
  const attributes = parseAttributes(text);
  const wanted = only?.flatMap((name) => {
    const value = attributes[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  try {
    return itemFrom(wanted ? Object.fromEntries(wanted) : attributes);
  } catch {
    return {};
  }
};
