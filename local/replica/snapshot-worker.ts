/** Reads a store's file in a thread of its own, beside the store that writes it: a whole copy, or a digest of all items. */
import { createHash } from 'node:crypto';
import { DatabaseSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';
import { canonicalJson } from './wire.ts';

const { task, file, copy } = workerData as { task: string; file: string; copy: string };

/** The row of the position in the bookkeeping, as dynoxide 1.2.1 keeps items. */
const positionOf = (database: DatabaseSync) => {
  const row = database
    .prepare(`SELECT item_json FROM "_replica" WHERE pk = 'S:POSITION' AND sk = 'S:-'`)
    .get();
  const { revision, digest } = JSON.parse(String(row?.['item_json']));
  return { revision: Number(revision.N), digest: String(digest.S) };
};

/** Those that the log has made: a store has a table a moment before its position says so. */
const tablesOf = (database: DatabaseSync): readonly string[] =>
  database
    .prepare(`SELECT sk FROM "_replica" WHERE pk = 'S:TABLE' ORDER BY sk`)
    .all()
    .map((row) => String(row['sk']).slice('S:'.length));

/** What is no JSON any more is another content, like any other change. */
const canonicalOf = (text: string): string => {
  try {
    return canonicalJson(JSON.parse(text));
  } catch {
    return text;
  }
};

/** A row on a line: under which keys it is found, and what it holds. */
const lineOf = ({ item_json: item, ...keys }: Readonly<Record<string, unknown>>): string =>
  `${canonicalJson({ ...keys })} ${canonicalOf(String(item))}\n`;

/** The tables of its indexes, which hold copies of items under other keys, and by which lists are answered. */
const indexesOf = (database: DatabaseSync, table: string): readonly string[] =>
  database
    .prepare(`SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name`)
    .all()
    .map((row) => String(row['name']))
    .filter((name) => name.startsWith(`${table}::`));

/** Of the items and the indexes alone, in the order of their keys: what a store notes beside them is its own. */
const contentOf = (database: DatabaseSync) => {
  database.exec('BEGIN');
  const { revision } = positionOf(database);
  const hash = createHash('sha256');
  for (const table of tablesOf(database)) {
    hash.update(`${JSON.stringify(table)}\n`);
    const rows = database.prepare(`SELECT pk, sk, item_json FROM "${table}" ORDER BY pk, sk`);
    for (const row of rows.iterate()) hash.update(lineOf(row));
    for (const index of indexesOf(database, table)) {
      hash.update(`${JSON.stringify(index)}\n`);
      const copies = database.prepare(`SELECT * FROM "${index}" ORDER BY 1, 2, 3, 4`);
      for (const row of copies.iterate()) hash.update(lineOf(row));
    }
  }
  database.exec('COMMIT');
  return { revision, digest: hash.digest('hex') };
};

const run = () => {
  const database = new DatabaseSync(file, { readOnly: true, timeout: 5_000 });
  try {
    if (task === 'content') return contentOf(database);
    if (task === 'copied') return { ...positionOf(database), items: contentOf(database).digest };
    database.prepare('VACUUM INTO ?').run(copy);
    return {};
  } finally {
    database.close();
  }
};

parentPort?.postMessage(run());
