/** Reads the items of a table for a comparison, and writes those of a backup into a table. */
import { jsonOf } from '../../functions/store/item-json.ts';
import { type Item, keyIn } from '../../functions/store/items.ts';
import type { Guard, Items, Table } from '../../functions/store/ports.ts';
import { failure, sentenceOf } from '../../system/failures.ts';

/** Reads all items. Throws a failure that names the table. */
export async function* readTable(
  table: Pick<Table, 'pages'>,
  name: string,
): AsyncGenerator<readonly Item[]> {
  try {
    yield* table.pages();
  } catch (error) {
    throw failure(`the table ${name} cannot be read: ${sentenceOf(error)}`, { cause: error });
  }
}

/**
 * The limits of one write: as many items as fit into a DynamoDB transaction, and at most 2 MiB of
 * text.
 */
const itemsMax = 100;
const textUnitsMax = 2_097_152;

type Entry = { readonly guard: Guard; readonly text: string };

const entryOf = (item: Item): Entry => ({
  guard: { key: keyIn(item), expected: { is: 'absent' }, put: item },
  text: jsonOf(item),
});

function* groupsOf(items: readonly Item[]): Generator<readonly Entry[]> {
  let group: Entry[] = [];
  let units = 0;
  for (const entry of items.map(entryOf)) {
    if (group.length === itemsMax || units + entry.text.length > textUnitsMax) {
      yield group;
      [group, units] = [[], 0];
    }
    group.push(entry);
    units += entry.text.length;
  }
  if (group.length > 0) yield group;
}

/**
 * Puts the items in one write. If some of them exist already and are equal, the others are put in
 * another write.
 */
const putGroup = async (write: Items['write'], group: readonly Entry[]): Promise<void> => {
  const judged = await write(group.map(({ guard }) => guard));
  if (judged === 'written') return;
  const textAt = (index: number): string | undefined => {
    const found = judged[index];
    return found?.is === 'failed' && found.item ? jsonOf(found.item) : undefined;
  };
  const other = group.find(({ text }, index) => (textAt(index) ?? text) !== text);
  if (other !== undefined) {
    const { pk, sk } = other.guard.key;
    throw failure(
      `the store holds another item ${pk} ${sk} than the backup: restore into an empty one`,
    );
  }
  const missing = group.filter((_, index) => textAt(index) === undefined);
  if (missing.length === group.length) throw new Error('the store refused items that it lacks');
  if (missing.length > 0) await putGroup(write, missing);
};

/**
 * Writes items where they are missing, including items that this release cannot read. Equal items
 * are left alone, so an interrupted call can be repeated. Throws a failure if a different item
 * exists, and passes on errors of the store.
 */
export const putItems = async (write: Items['write'], items: readonly Item[]): Promise<void> => {
  for (const group of groupsOf(items)) await putGroup(write, group);
};
