/**
 * The SQL statements on the table of items. Each runs synchronously on the connection that was
 * passed.
 */
import type { DatabaseSync } from 'node:sqlite';
import type { Item, ItemKey } from '../../functions/store/items.ts';
import { columnsOf, isIndexedAlike } from './rows.ts';

/** A page ends after this many characters, so that no statement takes long. */
export const pageUnitsMax = 1_048_576;

export type Statements = ReturnType<typeof prepareStatements>;

const textIn = (row: unknown): string => (row as { readonly item: string }).item;

export const prepareStatements = (database: DatabaseSync) => {
  const one = database.prepare('SELECT item FROM items WHERE pk = ? AND sk = ?');
  const range = (order: 'ASC' | 'DESC') =>
    database.prepare(
      `SELECT item FROM items WHERE pk = ? AND sk BETWEEN ? AND ? ORDER BY sk ${order} LIMIT ?`,
    );
  const ranges = { asc: range('ASC'), desc: range('DESC') };
  const names = database.prepare(
    `SELECT name FROM items INDEXED BY names
     WHERE tenant = ? AND name BETWEEN ? AND ? ORDER BY name LIMIT ?`,
  );
  const put = database.prepare(
    `INSERT INTO items (pk, sk, item, tenant, name, expires) VALUES (?, ?, ?, ?, ?, ?)
     ON CONFLICT (pk, sk) DO UPDATE SET item = excluded.item, tenant = excluded.tenant,
       name = excluded.name, expires = excluded.expires`,
  );
  const replace = database.prepare('UPDATE items SET item = ? WHERE pk = ? AND sk = ?');
  const expire = database.prepare(
    `DELETE FROM items WHERE rowid IN
     (SELECT rowid FROM items INDEXED BY expiries WHERE expires < ? LIMIT ?)`,
  );

  return {
    find: ({ pk, sk }: ItemKey): string | undefined => {
      const row = one.get(pk, sk);
      return row && textIn(row);
    },

    /**
     * Returns the first items of the range: at most `limit`, and no more once they have
     * `pageUnitsMax` characters together.
     */
    range: (
      pk: string,
      from: string,
      to: string,
      order: 'asc' | 'desc',
      limit: number,
    ): readonly string[] => {
      const texts: string[] = [];
      let units = 0;
      for (const row of ranges[order].iterate(pk, from, to, limit)) {
        const text = textIn(row);
        texts.push(text);
        units += text.length;
        if (units > pageUnitsMax) break;
      }
      return texts;
    },

    names: (tenant: string, from: string, to: string, limit: number): readonly string[] =>
      names.all(tenant, from, to, limit).map((row) => (row as { readonly name: string }).name),

    /** Puts an item that replaces `before`. Returns the length of its JSON. */
    put: ({ pk, sk }: ItemKey, item: Item, before: Item | undefined): number => {
      const { item: text, tenant, name, expires } = columnsOf(item);
      if (before && isIndexedAlike(before, item)) replace.run(text, pk, sk);
      else put.run(pk, sk, text, tenant, name, expires);
      return text.length;
    },

    /** Deletes at most `limit` items that expired before `second`, and returns how many. */
    deleteExpired: (second: number, limit: number): number =>
      Number(expire.run(second, limit).changes),
  };
};
