/** The file of a vault as somebody changes it who can write to it without the vault. */
import type { Item } from '../../functions/store/items.ts';
import { openDatabase } from '../../local/sqlite/database.ts';
import { keyOf } from '../../local/sqlite/rows.ts';
import { prepareStatements } from '../../local/sqlite/statements.ts';

export const removeRow = (file: string, item: Item): void => {
  const { pk, sk } = keyOf(item);
  const database = openDatabase(file, 'write');
  database.prepare('DELETE FROM items WHERE pk = ? AND sk = ?').run(pk, sk);
  database.close();
};

export const putRow = (file: string, item: Item): void => {
  removeRow(file, item);
  const database = openDatabase(file, 'write');
  prepareStatements(database).put(keyOf(item), item, undefined);
  database.close();
};
