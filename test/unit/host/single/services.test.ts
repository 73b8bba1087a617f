/** How the services of `npm start` begin and end. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it, jest } from '@jest/globals';
import { putItems } from '../../../../host/backup/table.ts';
import { type Services, startServices } from '../../../../host/single/standalone.ts';
import { openSqliteStore } from '../../../../host/sqlite/sqlite-store.ts';
import { freshFolder } from '../../../support/local-process.ts';

afterEach(() => {
  jest.restoreAllMocks();
});

const start = (folder: string): Promise<Services> =>
  startServices({ folder, report: () => undefined, warn: () => undefined });

it('npm start refuses a folder with an unfinished restore, but not if the restored store is complete', async () => {
  const [unfinished, complete] = [freshFolder(), freshFolder()];
  await (await start(complete)).close();
  for (const folder of [unfinished, complete]) mkdirSync(join(folder, 'restore'));
  await expect(start(unfinished)).rejects.toThrow(`a restore into ${unfinished} did not end`);
  await (await start(complete)).close();
});

it('npm start ends without waiting until all expired records are deleted', async () => {
  const folder = freshFolder();
  const intervals = jest.spyOn(globalThis, 'setInterval');
  const services = await start(folder);
  const command = openSqliteStore(join(folder, 'vault.sqlite'), 'write');
  const records = Array.from({ length: 2_000 }, (_, index) => ({
    ...{ pk: { S: `OLD${index}` }, sk: { S: 'RECORD' }, expiresAt: { N: '99' } },
  }));
  await putItems(command.write, records);
  for (const [begin] of intervals.mock.calls) begin();
  await services.close();
  let left = 0;
  for await (const page of command.pages()) left += page.length;
  await command.close();
  expect(left).toBeGreaterThan(1_000);
});
