/** An item as a row of the table, and back. */
import { itemFrom, jsonOf } from '../../functions/store/item-json.ts';
import { headSortKey, type Item, type ItemKey } from '../../functions/store/items.ts';

export const keyOf = ({ pk, sk }: Item): ItemKey => ({ pk: pk?.S ?? '', sk: sk?.S ?? '' });

export type Columns = {
  readonly item: string;
  readonly tenant: string | null;
  readonly name: string | null;
  readonly expires: number | null;
};

/** Whether an item replaces another without a change of any index. */
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

/** The attributes as JSON has them, with bytes in base64: enough to judge an item. */
export const parseAttributes = (text: string): Item => {
  try {
    return JSON.parse(text);
  } catch {
    // A damaged row is an item that the vault refuses as unreadable, and must not fail the writes beside it.
    return {};
  }
};

/** The whole item, or only these of its attributes. */
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
