/** How the services of `npm start` end. */
import { join } from 'node:path';
import { afterAll, afterEach, expect, it, jest } from '@jest/globals';
import { putItems } from '../../../../host/backup/table.ts';
import { startServices } from '../../../../host/single/standalone.ts';
import { openSqliteStore } from '../../../../host/sqlite/sqlite-store.ts';
import { readTemplate } from '../../../../host/template.ts';
import { freshFolder } from '../../../support/local-process.ts';

const kept = { ...process.env };
afterEach(() => {
  jest.restoreAllMocks();
});
afterAll(() => {
  process.env = { ...kept };
});

it('npm start ends without waiting until all expired records are deleted', async () => {
  const folder = freshFolder();
  const intervals = jest.spyOn(globalThis, 'setInterval');
  const { table } = await readTemplate();
  const services = await startServices({ folder, table, report: () => undefined });
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
