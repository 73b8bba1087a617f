/** Changes the file of a vault directly, as somebody can who has write access to it. */
import { type Item, keyIn } from '../../functions/store/items.ts';
import { openDatabase } from '../../host/sqlite/database.ts';
import { prepareStatements } from '../../host/sqlite/statements.ts';

export const removeRow = (file: string, item: Item): void => {
  const { pk, sk } = keyIn(item);
  const database = openDatabase(file, 'write');
  database.prepare('DELETE FROM items WHERE pk = ? AND sk = ?').run(pk, sk);
  database.close();
};

export const putRow = (file: string, item: Item): void => {
  removeRow(file, item);
  const database = openDatabase(file, 'write');
  prepareStatements(database).put(keyIn(item), item, undefined);
  database.close();
};
