import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  CreateTableCommand,
  DescribeTimeToLiveCommand,
  DynamoDBClient,
} from '@aws-sdk/client-dynamodb';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { tableDefinition } from '../../../../functions/dynamodb/table-definition.ts';
import { ensureTable, ensureTimeToLive } from '../../../../host/single/ensure-table.ts';
import { type Dynoxide, findDynoxide, startDynoxide } from '../../../../local/dynamodb/dynoxide.ts';
import { freshFolder } from '../../../support/local-process.ts';

let folder: string;
let stores: Dynoxide[];
const path = process.env['PATH'];

const start = async (): Promise<Dynoxide> => {
  const store = await startDynoxide(folder);
  stores.push(store);
  return store;
};
const clientOf = ({ endpoint }: Dynoxide) =>
  new DynamoDBClient({
    endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'any', secretAccessKey: 'any' },
  });

beforeEach(() => {
  folder = freshFolder();
  stores = [];
});
afterEach(async () => {
  process.env['PATH'] = path;
  for (const store of stores) await store.close();
});

describe('dynoxide', () => {
  it('gets the table of the vault with its time to live, even if it is created twice at once', async () => {
    const client = clientOf(await start());
    await Promise.all([ensureTable(client, 'vault'), ensureTable(client, 'vault')]);
    await ensureTable(client, 'vault');
    await ensureTimeToLive(client, 'vault');
    await ensureTimeToLive(client, 'vault');
    const { TimeToLiveDescription } = await client.send(
      new DescribeTimeToLiveCommand({ TableName: 'vault' }),
    );
    expect(TimeToLiveDescription).toEqual({
      TimeToLiveStatus: 'ENABLED',
      AttributeName: 'expiresAt',
    });
    client.destroy();
  });

  it('is refused if its table differs from the one that the vault needs', async () => {
    const client = clientOf(await start());
    const { GlobalSecondaryIndexes: _, ...create } = tableDefinition.create;
    const AttributeDefinitions = create.AttributeDefinitions?.slice(0, 2);
    await client.send(
      new CreateTableCommand({ TableName: 'vault', ...create, AttributeDefinitions }),
    );
    await expect(ensureTable(client, 'vault')).rejects.toThrow(
      'the table vault differs from the one that the vault needs',
    );
    client.destroy();
  });

  it('is reported if it ends by itself', async () => {
    const { failed } = await start();
    process.kill(JSON.parse(readFileSync(join(folder, 'store.pid'), 'utf8')).pid, 'SIGKILL');
    expect(await failed).toMatchObject({ message: 'dynoxide ended (SIGKILL)' });
  });

  it('is reported with the reason if it cannot start', async () => {
    writeFileSync(join(folder, 'store.sqlite'), 'x'.repeat(20_000));
    await expect(start()).rejects.toThrow(/^dynoxide did not start: .*not a valid SQLite database/);
  });

  it('is taken from the PATH only if the file is executable', () => {
    process.env['PATH'] = folder;
    writeFileSync(join(folder, 'dynoxide'), '');
    expect(() => findDynoxide(folder)).toThrow(/^dynoxide, which serves DynamoDB/);
    chmodSync(join(folder, 'dynoxide'), 0o700);
    expect(findDynoxide(folder)).toBe(join(folder, 'dynoxide'));
  });
});
