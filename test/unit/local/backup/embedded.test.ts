/** The file of a restored store. */
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, it } from '@jest/globals';
import { settle } from '../../../../local/backup/embedded.ts';
import { isFailure } from '../../../../system/failures.ts';
import { freshFolder } from '../../../support/local-process.ts';

it('a store that was killed has all its writes in its one file once it is settled', () => {
  const folder = freshFolder();
  const [file, alone] = [join(folder, 'store.sqlite'), join(folder, 'alone.sqlite')];
  // SQLite leaves its log beside the file as long as a connection is open, or if it was killed.
  const killed = new DatabaseSync(file);
  killed.exec('PRAGMA journal_mode = WAL; CREATE TABLE items (n); INSERT INTO items VALUES (7)');
  settle(file);
  copyFileSync(file, alone);
  killed.close();
  const store = new DatabaseSync(alone);
  expect(store.prepare('SELECT n FROM items').get()).toEqual({ n: 7 });
  store.close();
});

it('a store that SQLite cannot write is a failure, and no bug with a stack', () => {
  let thrown: unknown;
  try {
    settle(freshFolder());
  } catch (error) {
    thrown = error;
  }
  expect([isFailure(thrown), String(thrown)]).toEqual([
    true,
    expect.stringContaining('the store cannot be written: '),
  ]);
});
