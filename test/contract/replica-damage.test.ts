/** What a replica does whose store's file is damaged in some pages only, so that the store starts all the same. */
import { closeSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createCondition } from '../../local/replica/condition.ts';
import { startWatching } from '../../local/replica/watching.ts';
import {
  freshStoreFolder,
  keyOf,
  startReplica,
  type TestReplica,
  tableOf,
} from '../support/replica.ts';
import { until } from '../support/until.ts';

const sentence =
  /^its store is damaged \(database disk image is malformed\): wipe it, and it takes its state from the/;
let replica: TestReplica;
let folder: string;
const itemOf = (n: number, more = {}) => ({
  TableName: 'vault',
  Item: { ...keyOf(`k${n}`), text: { S: 'x'.repeat(1_500) }, ...more },
});

/** Overwrites all pages of the file that hold items of the vault. */
const damage = (): void => {
  const file = join(folder, 'store.sqlite');
  const database = new DatabaseSync(file);
  database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  const { page_size: size } = { ...database.prepare('PRAGMA page_size').get() };
  database.close();
  const bytes = readFileSync(file);
  const descriptor = openSync(file, 'r+');
  const pageBytes = Number(size);
  for (let at = pageBytes; at < bytes.length; at += pageBytes) {
    if (!bytes.subarray(at, at + pageBytes).includes('x'.repeat(1_000))) continue;
    writeSync(descriptor, Buffer.alloc(pageBytes, 0xa5), 0, pageBytes, at);
  }
  closeSync(descriptor);
};

beforeEach(async () => {
  folder = freshStoreFolder();
  const whole = await startReplica({ folder });
  await whole.front.call('CreateTable', tableOf('vault'));
  for (let n = 0; n < 10; n += 1) await whole.front.call('PutItem', itemOf(n));
  await whole.close();
  damage();
  replica = await startReplica({ folder, log: whole.log });
});
afterEach(async () => {
  await replica.close();
  rmSync(folder, { recursive: true });
});

describe('a replica whose file is damaged in some pages', () => {
  it('ends with a sentence over a read that meets one', async () => {
    const Key = keyOf('k3');
    expect((await replica.front.call('GetItem', { TableName: 'vault', Key })).status).toBe(500);
    await expect(replica.followed).rejects.toThrow(sentence);
  });

  it('ends with a sentence over an entry that meets one', async () => {
    await replica.log.append([
      { id: 'a', operation: 'PutItem', body: itemOf(3, { n: { N: '1' } }) },
    ]);
    await expect(replica.followed).rejects.toThrow(sentence);
  });

  it('goes on over an item that merely holds the words', async () => {
    const text = { S: 'database disk image is malformed' };
    const Item = { ...keyOf('words'), text };
    const put = { TableName: 'vault', Item, ConditionExpression: 'attribute_not_exists(pk)' };
    const more = { ReturnValuesOnConditionCheckFailure: 'ALL_OLD' };
    await replica.front.call('CreateTable', tableOf('other'));
    await replica.front.call('PutItem', { ...put, TableName: 'other' });
    const refused = await replica.front.call('PutItem', { ...put, TableName: 'other', ...more });
    expect(refused.body).toMatchObject({ Item: { text } });
    await replica.front.call('PutItem', { TableName: 'other', Item: keyOf('later') });
    expect(replica.outcomes).toHaveLength(4);
  });

  it('ends with a sentence when its items are read at rest, whatever is asked of it', async () => {
    const stop = new AbortController();
    const condition = createCondition(1, () => undefined);
    startWatching({
      log: replica.log,
      condition,
      barrier: async () => undefined,
      position: replica.replica.position,
      folder,
      onDamage: replica.replica.noteDamage,
      restMs: 10,
      signal: stop.signal,
    });
    await until(() => condition.state() === 'serving');
    await expect(replica.followed).rejects.toThrow(sentence);
    stop.abort();
  });
});
