/** Reads the items of a table for a comparison, and writes those of a backup to a table. */
import type { Item } from '../../functions/store/items.ts';
import type { Table } from '../../functions/store/ports.ts';
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

/** Writes items where they are missing. Throws a failure where another item is stored, and passes on what the store says. */
export const putItems = async (
  table: Pick<Table, 'putAbsent'>,
  items: readonly Item[],
): Promise<void> => {
  const [other] = await table.putAbsent(items);
  if (other === undefined) return;
  const { pk, sk } = other;
  throw failure(
    `the store holds another item ${pk} ${sk} than the backup: restore into an empty one`,
  );
};
